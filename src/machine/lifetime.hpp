// The lifetime of a machine that runs, told anew: the files of the two timers of user_data.hpp are
// rewritten, and systemd is asked whether it will act on them. The next boot writes them as they
// were at first: an extension is for the time until the machine stops.
#pragma once

#include "base/error.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace carrel {

struct Extension {
  enum class From { now, end };  // of the lifetime that it has
  From from = From::now;
  std::chrono::seconds by{0};
};

// "2h" (from now), "+2h" (later than now planned), "18:00" (the next one, local time). At least ten
// minutes; `now` in seconds since 1970.
Result<Extension> parse_extension(std::string_view text, std::chrono::system_clock::time_point now);

// A POSIX sh script for root on the machine. It changes nothing when the machine would then run
// for less than a minute or for more than `most` from now on.
std::string lifetime_script(const Extension& extension, std::chrono::seconds most);
// What that script printed: how long the machine has from now on. Refused by the script:
// Reason::refused.
Result<std::chrono::seconds> read_lifetime(std::string_view output, std::chrono::seconds most);

}  // namespace carrel
