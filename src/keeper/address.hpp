// Where a machine is now, and how long to wait before it is tried again. Pure.
#pragma once

#include "os/clock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

struct MachineAddress {
  enum class Kind { known, unknown, none } kind = Kind::unknown;
  std::string host;
  std::optional<std::uint16_t> port;  // none: as it was
};

// What the address program printed (docs/development/keeper.md); whatever is wrong is unknown.
MachineAddress parse_address(std::string_view output);

// After so many failures in a row, at least 1: 1 s growing to 30 s; 2 s at most when somebody
// waits.
Milliseconds retry_delay(int failures, bool somebody_waits);

}  // namespace carrel
