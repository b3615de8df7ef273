#include "base/error.hpp"
#include "notebook/format.hpp"

#include <algorithm>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace carrel::notebook {
namespace {

using nlohmann::json;

std::unexpected<Error> malformed(std::string what) {
  return fail({.what = std::move(what),
               .hint = "open it in JupyterLab, which says more, or restore an earlier version",
               .reason = Reason::corrupt});
}

bool is_list_of_strings(const json& value) {
  return value.is_array() &&
         std::ranges::all_of(value, [](const json& line) { return line.is_string(); });
}

void join_lines(json& value) {
  std::string text;
  for (const auto& line : value) text += line.get_ref<const std::string&>();
  value = std::move(text);
}

bool is_json_type(std::string_view mime) {
  return mime == "application/json" ||
         (mime.starts_with("application/") && mime.ends_with("+json"));
}

void join_bundle(json& bundle) {
  for (auto& [mime, value] : bundle.items()) {
    if (!is_json_type(mime) && is_list_of_strings(value)) join_lines(value);
  }
}

Result<> normalise_attachments(json& attachments, const std::string& place) {
  if (!attachments.is_object()) return malformed(place + ": its attachments are no object");
  for (auto& [name, bundle] : attachments.items()) {
    if (!bundle.is_object()) return malformed(place + ": an attachment is no object");
    join_bundle(bundle);
  }
  return {};
}

Result<> normalise_outputs(json& cell, const std::string& place) {
  auto& outputs = cell["outputs"];
  if (outputs.is_null()) outputs = json::array();
  if (!outputs.is_array()) return malformed(place + ": its outputs are no list");
  std::size_t number = 0;
  for (auto& output : outputs) {
    TRY(normalise_output(output, fmt::format("{}, output {}", place, ++number)));
  }
  return {};
}

Result<> normalise_cell(json& cell, const std::string& place) {
  if (!cell.is_object()) return malformed(place + " is no object");
  const auto type = cell.find("cell_type");
  if (type == cell.end() || !type->is_string()) return malformed(place + " has no cell_type");
  const auto metadata = cell.find("metadata");
  if (metadata == cell.end() || !metadata->is_object())
    return malformed(place + " has no metadata");
  metadata->erase("trusted");
  if (const auto source = cell.find("source"); source == cell.end()) {
    return malformed(place + " has no source");
  } else if (is_list_of_strings(*source)) {
    join_lines(*source);
  } else if (!source->is_string()) {
    return malformed(place + ": its source is neither text nor a list of lines");
  }
  if (const auto found = cell.find("attachments"); found != cell.end()) {
    TRY(normalise_attachments(*found, place));
  }
  if (*type == "code") TRY(normalise_outputs(cell, place));
  return {};
}

Result<> check_version(const json& notebook) {
  const auto version = notebook.find("nbformat");
  const bool is_number = version != notebook.end() && version->is_number_integer();
  if (is_number && *version == 4) return {};
  if (is_number && *version > 4) {
    return fail({.what = fmt::format("the notebook is of format {}", version->dump()),
                 .why = "Carrel knows format 4",
                 .hint = "save it as format 4 with the program that made it",
                 .reason = Reason::corrupt});
  }
  if (!is_number && !notebook.contains("worksheets")) {
    return malformed("this is no notebook: it has no format number (nbformat)");
  }
  return fail({.what = fmt::format("the notebook is of the old format {}",
                                   is_number ? version->dump() : "3 or older"),
               .why = "Carrel knows format 4",
               .hint = "open it in JupyterLab and save it, or: "
                       "jupyter nbconvert --to notebook --inplace FILE.ipynb",
               .reason = Reason::corrupt});
}

}  // namespace

Result<> normalise_output(json& output, const std::string& place) {
  if (!output.is_object()) return malformed(place + " is no object");
  const auto type = output.find("output_type");
  if (type == output.end() || !type->is_string()) return malformed(place + " has no output_type");
  if (*type == "execute_result" || *type == "display_data") {
    const auto data = output.find("data");
    if (data == output.end()) return {};
    if (!data->is_object()) return malformed(place + ": its data is no object");
    join_bundle(*data);
    return {};
  }
  const auto text = output.find("text");
  if (text == output.end() || !text->is_array()) return {};
  if (!is_list_of_strings(*text)) return malformed(place + ": its text is no list of lines");
  join_lines(*text);
  return {};
}

Result<> normalise_notebook(json& notebook) {
  if (!notebook.is_object()) return malformed("this is no notebook: it is no JSON object");
  TRY(check_version(notebook));
  const auto metadata = notebook.find("metadata");
  if (metadata == notebook.end() || !metadata->is_object()) {
    return malformed("the notebook has no metadata");
  }
  for (const auto* key : {"orig_nbformat", "orig_nbformat_minor", "signature"})
    metadata->erase(key);
  const auto cells = notebook.find("cells");
  if (cells == notebook.end() || !cells->is_array()) {
    return malformed("the notebook has no list of cells");
  }
  std::size_t number = 0;
  for (auto& cell : *cells) TRY(normalise_cell(cell, fmt::format("cell {}", ++number)));
  return {};
}

}  // namespace carrel::notebook
