// What ssh and the machine's programs say, as errors. Pure.
#pragma once

#include "base/error.hpp"
#include "channel/ssh_target.hpp"

#include <string>
#include <string_view>

namespace carrel {

// ssh gave up (status 255): its own words on standard error tell why. Reason::unverified (the host
// key), refused (the login), unreachable (everything else that is not a mistake on this computer).
Error ssh_error(const SshTarget& target, std::string_view words);

// A program of coreutils failed under LC_ALL=C: the number of the error is in its words.
Error machine_error(std::string what, std::string_view words);

}  // namespace carrel
