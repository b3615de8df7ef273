// What a failed script's output means: a table from other programs' words to an Error.
#pragma once

#include "base/error.hpp"

#include <map>
#include <string>
#include <string_view>

namespace carrel {

// `what`: what failed. `files`: what uv read, so that its "position N" becomes a line. Recognised,
// in this order: a full disk (no_space), no network (no_network), an unreadable requirements file,
// no solution (Exit::act, uv's words).
Error explain_failure(std::string what, std::string_view output,
                      const std::map<std::string, std::string>& files);

}  // namespace carrel
