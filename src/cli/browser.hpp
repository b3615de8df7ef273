// Which browser to start, if any. Pure but for the look-up of programs.
#pragma once

#include "os/process.hpp"

#include <string>
#include <vector>

namespace carrel::cli {

// The command that shows `target` (a file or an address without secrets: others can read command
// lines), "" in `why_not`'s place when there is one. None over SSH, where it would open on the
// wrong screen, and none without a display.
struct Browser {
  std::vector<std::string> argv;  // empty: none
  std::string why_not;
};
Browser find_browser(const Environment& environment, const std::string& target);

}  // namespace carrel::cli
