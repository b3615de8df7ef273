// What document.cpp is made of: hostile JSON text to a tree, the tree to the form that nbformat
// keeps in memory, and that form to the text that nbformat.write writes. Internal to this part.
//
// The tree is a nlohmann::json whose object keys are sorted by bytes, which for UTF-8 is Python's
// sort_keys. An integer that fits no machine type is kept as its digits in a binary value: JSON
// makes no other use of that type.
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace carrel::notebook {

inline constexpr std::size_t most_bytes = std::size_t{256} << 20;
// nlohmann's and Python's writers recurse. An output is to be nested a few levels deep in a
// document, so it has fewer itself.
inline constexpr std::size_t most_nesting = 512;
inline constexpr std::size_t most_output_nesting = most_nesting - 12;

// `what` names the text in errors ("the notebook"). Of equal keys the last one counts, as in
// Python. NaN and Infinity, which Python writes, are not JSON and are refused; so are lone
// surrogates and bytes that are not UTF-8.
Result<nlohmann::json> read_json(std::string_view text, std::string_view what, std::size_t nesting);

// nbformat.v4.rwbase: checks the version and whatever the rest of this part relies on, joins lists
// of lines, drops what does not belong in a file (metadata.signature, trusted, orig_nbformat).
Result<> normalise_notebook(nlohmann::json& notebook);
// The same for one output; `place` names it in errors.
Result<> normalise_output(nlohmann::json& output, const std::string& place);

// nbformat.write: one-space indent, sorted keys, UTF-8 as it is, texts as lists of their lines, a
// final newline.
std::string write_notebook(const nlohmann::json& notebook);

}  // namespace carrel::notebook
