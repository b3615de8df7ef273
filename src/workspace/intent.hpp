// What was asked of a provider, as the journal keeps it: a command that was cut off asks again with
// the same token for the same thing.
#pragma once

#include "base/error.hpp"
#include "workspace/provider.hpp"

#include <string>
#include <string_view>

namespace carrel {

struct Asked {
  Offer offer;  // place, zone, type, market and prices; nothing else of it is kept
  Hardware hardware;
};
std::string asked_json(const Asked& asked);
// "" (nothing was kept): an empty value.
Result<Asked> read_asked(std::string_view json);

}  // namespace carrel
