#include "environment/requirements_text.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {
namespace {

struct LogicalLine {
  std::string text;       // continuation lines joined, comment taken away, trimmed
  std::size_t line = 0;   // of its first physical line, from 1
  std::size_t begin = 0;  // bytes of the whole
  std::size_t end = 0;
};

std::vector<LogicalLine> logical_lines(std::string_view text) {
  std::vector<LogicalLine> all;
  std::size_t line = 1;
  for (std::size_t begin = 0; begin < text.size();) {
    LogicalLine logical{.text = {}, .line = line, .begin = begin, .end = begin};
    bool more = true;
    while (more && logical.end < text.size()) {
      const auto stop = std::min(text.find('\n', logical.end), text.size());
      auto piece = text.substr(logical.end, stop - logical.end);
      if (piece.ends_with('\r')) piece.remove_suffix(1);
      more = piece.ends_with('\\');
      if (more) piece.remove_suffix(1);
      logical.text += piece;
      logical.end = std::min(stop + 1, text.size());
      ++line;
    }
    begin = logical.end;
    std::string_view clean = logical.text;
    if (clean.starts_with('#')) clean = {};
    clean = clean.substr(0, clean.find(" #"));
    logical.text = std::string(trimmed(clean));
    if (!logical.text.empty()) all.push_back(std::move(logical));
  }
  return all;
}

// The value of the first of the options that `line` begins with: "-r x", "-rx", "--requirement x",
// "--requirement=x".
std::string_view option_value(std::string_view line, std::string_view brief,
                              std::string_view full) {
  std::string_view rest;
  if (line.starts_with(full) && line.size() > full.size() &&
      (line[full.size()] == '=' || line[full.size()] == ' ' || line[full.size()] == '\t')) {
    rest = line.substr(full.size() + 1);
  } else if (line.starts_with(brief) && !line.starts_with("--")) {
    rest = line.substr(brief.size());
  }
  rest = trimmed(rest);
  if (rest.starts_with('=')) rest = trimmed(rest.substr(1));
  if (rest.size() >= 2 && rest.front() == rest.back() && (rest[0] == '"' || rest[0] == '\'')) {
    rest = rest.substr(1, rest.size() - 2);
  }
  return rest;
}

bool is_local(std::string_view line) {
  if (!option_value(line, "-e", "--editable").empty()) {
    const auto what = option_value(line, "-e", "--editable");
    return what.find("://") == what.npos || what.starts_with("file:");
  }
  if (line.starts_with('-')) return false;
  if (const auto at = line.find(" @ "); at != line.npos) {
    return trimmed(line.substr(at + 3)).starts_with("file:");
  }
  const auto word = line.substr(0, line.find_first_of(" \t;"));
  if (word.starts_with("file:")) return true;
  if (word.find("://") != word.npos) return false;
  static constexpr std::array<std::string_view, 4> archives = {".whl", ".tar.gz", ".zip",
                                                               ".tar.bz2"};
  return word.starts_with('.') || word.starts_with('/') || word.find('/') != word.npos ||
         std::ranges::any_of(archives, [&](std::string_view end) { return word.ends_with(end); });
}

}  // namespace

std::vector<Reference> references_of(std::string_view requirements) {
  std::vector<Reference> found;
  for (const auto& logical : logical_lines(requirements)) {
    auto path = option_value(logical.text, "-r", "--requirement");
    if (path.empty()) path = option_value(logical.text, "-c", "--constraint");
    if (path.empty() || path.find("://") != path.npos) continue;
    found.push_back({std::string(path), logical.line});
  }
  return found;
}

std::vector<std::string> local_requirements(std::string_view requirements) {
  std::vector<std::string> found;
  for (const auto& logical : logical_lines(requirements)) {
    if (is_local(logical.text)) found.push_back(logical.text);
  }
  return found;
}

std::string without_local_requirements(std::string_view requirements) {
  std::string text(requirements);
  for (const auto& logical : logical_lines(requirements)) {
    if (!is_local(logical.text)) continue;
    bool first = true;
    for (auto position = logical.begin; position < logical.end; ++position) {
      if (first) text[position] = '#';
      first = text[position] == '\n';
      // uv joins a comment that ends with a backslash to the next line
      if (text[position] == '\\') text[position] = ' ';
    }
  }
  return text;
}

std::string resolved_reference(std::string_view from, std::string_view reference) {
  const std::filesystem::path path(reference);
  if (path.is_absolute()) return {};
  const auto whole = (std::filesystem::path(from).parent_path() / path).lexically_normal();
  if (whole.empty() || *whole.begin() == "..") return {};
  return whole.string();
}

std::size_t line_of_position(std::string_view text, std::size_t position) {
  const auto before = text.substr(0, std::min(position, text.size()));
  return 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
}

}  // namespace carrel
