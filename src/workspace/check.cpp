#include "workspace/check.hpp"

#include <string_view>

namespace carrel {

std::string_view to_string(Check::State state) {
  switch (state) {
    case Check::State::ok:
      return "ok";
    case Check::State::optional:
      return "optional";
    case Check::State::missing:
      return "missing";
  }
  return "missing";
}

}  // namespace carrel
