// The program's version; tests/unit/cli/version_test.cpp holds it to CMakeLists.txt.
#pragma once

#include <string_view>

namespace carrel::cli {

inline constexpr std::string_view version = "0.1.0";

}  // namespace carrel::cli
