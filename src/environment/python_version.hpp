// Which Python is wanted, by whom. The subset of PEP 440 that requires-python and .python-version
// use: release numbers with
// >=, <=, >, <, ==, !=, ~=, === and a trailing ".*"; pre-releases are not ordered.
#pragma once

#include "base/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

// "3.12", "3.12.1", also "python-3.12", "cpython@3.12" and pyenv's comments: the first line that is
// not empty. Another implementation ("pypy3.10", "miniconda3-...") is refused with Exit::act.
Result<std::string> version_of_file(std::string_view file_name, std::string_view content);

// Whether some release that begins like `version` ("3.12" stands for 3.12.*) satisfies the
// specifiers (">=3.10,<4").
Result<bool> admits(std::string_view specifiers, std::string_view version);

struct PythonWish {
  std::string constraint;  // "3.12", ">=3.11"
  std::string from;        // the file that said so
};

// Both places together; a contradiction names both. None of them: constraint "".
Result<PythonWish> combine(const std::optional<PythonWish>& version_file,
                           const std::optional<PythonWish>& requires_python);

// What uv is asked for: from 3.10 on unless the constraint excludes all of that.
std::string uv_request(std::string_view constraint);

}  // namespace carrel
