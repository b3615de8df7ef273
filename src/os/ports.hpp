// TCP ports of this computer: which are free, and who has one.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

namespace carrel {

struct PortHolder {
  pid_t pid = 0;        // 0: known to be taken, but the process is another person's
  std::string program;  // "python3", "" if it cannot be seen
  std::string user;     // the socket's owner
};

// `ip` is numeric; "0.0.0.0" asks for every interface.
bool port_is_free(const std::string& ip, std::uint16_t port);
// The first free one from `from` on, at most 1000 further; then any that the kernel gives.
Result<std::uint16_t> free_port(const std::string& ip, std::uint16_t from);
// Who listens on it (/proc/net/tcp and tcp6); none: nobody.
std::optional<PortHolder> port_holder(std::uint16_t port);

}  // namespace carrel
