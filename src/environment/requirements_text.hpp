// What Carrel itself must know of a requirements file; everything else is uv's business.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct Reference {
  std::string path;      // as written
  std::size_t line = 0;  // from 1
};

// Files named by -r and -c lines (also --requirement=, --constraint=); addresses (https://...) are
// left out.
std::vector<Reference> references_of(std::string_view requirements);

// Requirements that only mean something inside the folder: -e, file:, ./x, ../x, /x, x.whl, "name @
// file:...".
std::vector<std::string> local_requirements(std::string_view requirements);

// The same text with those lines made comments, byte for byte as long, so that positions in uv's
// messages stay true.
std::string without_local_requirements(std::string_view requirements);

// `reference` as found in file `from`, both relative to the folder: "requirements/base.txt". ""
// when it leaves the folder.
std::string resolved_reference(std::string_view from, std::string_view reference);

std::size_t line_of_position(std::string_view text, std::size_t position);  // from 1

}  // namespace carrel
