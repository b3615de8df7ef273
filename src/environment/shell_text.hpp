// The fixed texts that scripts.cpp puts together.
#pragma once

#include <string_view>

namespace carrel::shell_text {

extern const std::string_view prelude;
extern const std::string_view uv;
extern const std::string_view find_python;
extern const std::string_view probe;
extern const std::string_view make_template;
extern const std::string_view copy;
extern const std::string_view conda;
extern const std::string_view jupyter;
extern const std::string_view overlay;
extern const std::string_view packages;
extern const std::string_view cache;
extern const std::string_view prune;
extern const std::string_view interpreter_probe;

}  // namespace carrel::shell_text
