// What `doctor` looked at: what was found and, when something is missing, what mends it.
#pragma once

#include <string>
#include <string_view>

namespace carrel {

struct Check {
  // optional: everything works without it, or nobody could say; only told.
  enum class State { ok, optional, missing };
  std::string name;
  State state = State::ok;
  std::string found;
  std::string fix;  // "" where there is nothing to do
};
std::string_view to_string(Check::State state);

}  // namespace carrel
