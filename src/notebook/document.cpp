#include "notebook/document.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "notebook/format.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using nlohmann::json;

// What is known of an output beside its JSON: the notebook file has no place for it.
struct OutputNote {
  std::size_t bytes = 0;  // as it came from the kernel; 0 for one that was in the file
  std::string display_id;
};

std::unexpected<Error> bad_output(std::string what) {
  return fail({.what = std::move(what), .reason = Reason::corrupt});
}

const json* member(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text_of(const json* value) {
  return value && value->is_string() ? value->get<std::string>() : "";
}

bool has_tag(const json& cell, std::string_view tag) {
  const auto* tags = member(cell.at("metadata"), "tags");
  return tags && tags->is_array() &&
         std::ranges::any_of(*tags, [&](const json& each) { return each == tag; });
}

std::string take_display_id(json& message) {
  if (!message.is_object()) return "";
  const auto* transient = member(message, "transient");
  auto id = transient ? text_of(member(*transient, "display_id")) : "";
  message.erase("transient");
  return id;
}

bool is_text(const json& output, const char* key) {
  const auto* value = member(output, key);
  return value && value->is_string();
}

// What nbformat's schema requires of an output; kernels leave out what can be empty.
Result<> complete(json& output) {
  const auto& type = output.at("output_type");
  if (type == "stream") {
    if (is_text(output, "name") && is_text(output, "text")) return {};
    return bad_output("the kernel sent a stream output without name or text");
  }
  if (type == "error") {
    const auto* traceback = member(output, "traceback");
    const bool has_traceback =
        traceback && traceback->is_array() &&
        std::ranges::all_of(*traceback, [](const json& line) { return line.is_string(); });
    if (is_text(output, "ename") && is_text(output, "evalue") && has_traceback) return {};
    return bad_output("the kernel sent an error without name, value or traceback");
  }
  if (type != "display_data" && type != "execute_result") {
    return bad_output("the kernel sent an output of a kind that notebooks do not have");
  }
  if (!member(output, "data")) return bad_output("the kernel sent an output without data");
  if (!output.emplace("metadata", json::object()).first->is_object()) {
    return bad_output("the kernel sent an output whose metadata is no object");
  }
  if (type == "execute_result") output.emplace("execution_count", nullptr);
  return {};
}

bool continues(const json& previous, const json& output) {
  return previous.at("output_type") == "stream" && output.at("output_type") == "stream" &&
         is_text(previous, "name") && is_text(previous, "text") &&
         previous.at("name") == output.at("name");
}

}  // namespace

struct NotebookDocument::Body {
  json notebook;
  std::vector<std::vector<OutputNote>> notes;  // by cell, by output
  std::size_t added_bytes = 0;

  json& cells() { return notebook.at("cells"); }
  json* code_cell(std::size_t index) {
    if (index >= cells().size() || cells()[index].at("cell_type") != "code") return nullptr;
    return &cells()[index];
  }
  Result<> make_room(std::size_t bytes, std::size_t replaced = 0) {
    const auto total = added_bytes - replaced + bytes;
    if (total > notebook::most_bytes) {
      return fail({.what = fmt::format("the notebook's outputs are larger than {}",
                                       size_text(notebook::most_bytes)),
                   .hint = "print less, or write it to a file"});
    }
    added_bytes = total;
    return {};
  }
};

NotebookDocument::NotebookDocument(std::unique_ptr<Body> body) : body_(std::move(body)) {}
NotebookDocument::NotebookDocument(NotebookDocument&&) noexcept = default;
NotebookDocument& NotebookDocument::operator=(NotebookDocument&&) noexcept = default;
NotebookDocument::~NotebookDocument() = default;

Result<NotebookDocument> NotebookDocument::parse(std::string_view text) {
  auto body = std::make_unique<Body>();
  body->notebook = TRY(notebook::read_json(text, "the notebook", notebook::most_nesting));
  TRY(notebook::normalise_notebook(body->notebook));
  for (const auto& cell : body->cells()) {
    const auto* outputs = member(cell, "outputs");
    body->notes.emplace_back(outputs ? outputs->size() : 0);
  }
  return NotebookDocument(std::move(body));
}

std::vector<CodeCell> NotebookDocument::code_cells() const {
  std::vector<CodeCell> cells;
  for (std::size_t index = 0; index < body_->cells().size(); ++index) {
    const auto* cell = body_->code_cell(index);
    if (!cell) continue;
    cells.push_back({.index = index,
                     .source = text_of(member(*cell, "source")),
                     .id = text_of(member(*cell, "id")),
                     .raises_exception = has_tag(*cell, "raises-exception"),
                     .skip = has_tag(*cell, "skip-execution")});
  }
  return cells;
}

std::string NotebookDocument::kernel_name() const {
  const auto* spec = member(body_->notebook.at("metadata"), "kernelspec");
  return spec ? text_of(member(*spec, "name")) : "";
}

std::string NotebookDocument::language() const {
  const auto& metadata = body_->notebook.at("metadata");
  const auto* spec = member(metadata, "kernelspec");
  auto language = spec ? text_of(member(*spec, "language")) : "";
  if (!language.empty()) return language;
  const auto* info = member(metadata, "language_info");
  return info ? text_of(member(*info, "name")) : "";
}

void NotebookDocument::clear_outputs(std::size_t index) {
  auto* cell = body_->code_cell(index);
  if (!cell) return;
  (*cell)["outputs"] = json::array();
  (*cell)["execution_count"] = nullptr;
  for (const auto& note : body_->notes[index]) body_->added_bytes -= note.bytes;
  body_->notes[index].clear();
}

Result<> NotebookDocument::add_output(std::size_t index, std::string_view output_json) {
  auto* cell = body_->code_cell(index);
  if (!cell) return bad_output(fmt::format("cell {} is no code cell", index + 1));
  auto output = TRY(notebook::read_json(output_json, "the output", notebook::most_output_nesting));
  TRY(notebook::normalise_output(output, "the output"));
  auto display_id = take_display_id(output);
  TRY(complete(output));
  TRY(body_->make_room(output_json.size()));
  auto& outputs = cell->at("outputs");
  auto& notes = body_->notes[index];
  if (!outputs.empty() && continues(outputs.back(), output)) {
    outputs.back().at("text").get_ref<std::string&>() += text_of(member(output, "text"));
    notes.back().bytes += output_json.size();
    return {};
  }
  outputs.push_back(std::move(output));
  notes.push_back({.bytes = output_json.size(), .display_id = std::move(display_id)});
  return {};
}

Result<> NotebookDocument::update_display(std::string_view content_json) {
  auto content =
      TRY(notebook::read_json(content_json, "the display update", notebook::most_output_nesting));
  const auto display_id = take_display_id(content);
  if (display_id.empty()) return bad_output("the kernel sent a display update without display_id");
  content["output_type"] = "display_data";
  TRY(notebook::normalise_output(content, "the display update"));
  TRY(complete(content));
  for (std::size_t index = 0; index < body_->notes.size(); ++index) {
    auto& notes = body_->notes[index];
    for (std::size_t number = 0; number < notes.size(); ++number) {
      if (notes[number].display_id != display_id) continue;
      TRY(body_->make_room(content_json.size(), notes[number].bytes));
      notes[number].bytes = content_json.size();
      auto& output = body_->cells()[index].at("outputs")[number];
      output["data"] = content.at("data");
      output["metadata"] = content.at("metadata");
    }
  }
  return {};
}

void NotebookDocument::set_execution_count(std::size_t index, std::optional<std::int64_t> count) {
  auto* cell = body_->code_cell(index);
  if (!cell) return;
  (*cell)["execution_count"] = count ? json(*count) : json(nullptr);
}

std::string NotebookDocument::to_json() const {
  return notebook::write_notebook(body_->notebook);
}

}  // namespace carrel
