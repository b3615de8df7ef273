#include "environment/failure.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "environment/requirements_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

bool has_any(std::string_view text, std::span<const std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// Without what went well: uv's and pip's reports of progress.
std::string own_words(std::string_view output) {
  static constexpr std::array<std::string_view, 10> noise = {
      "Using Python ", "Resolved ", "Downloading ", "Downloaded ",     "Prepared ",
      "Using CPython", "Building ", "Collecting ",  "Created virtual", "Looking in "};
  std::vector<std::string> kept;
  for (auto& line : lines_of(output)) {
    const auto text = trimmed(line);
    if (text.empty() || text.starts_with('@')) continue;
    if (std::ranges::any_of(noise, [&](std::string_view word) { return text.starts_with(word); }))
      continue;
    kept.push_back(std::move(line));
  }
  constexpr std::size_t most = 20;
  const auto first = kept.size() > most ? kept.size() - most : 0;
  kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(first));
  return printable(join(kept, "\n"));
}

// uv: "Couldn't parse requirement in `requirements.txt` at position 6" → "requirements.txt, line
// 2".
std::string place_of(std::string_view output, const std::map<std::string, std::string>& files) {
  constexpr std::string_view marker = "` at position ";
  const auto at = output.find(marker);
  if (at == std::string_view::npos) return {};
  const auto open = output.rfind('`', at - 1);
  if (open == std::string_view::npos || at == 0) return {};
  const auto named = output.substr(open + 1, at - open - 1);
  std::size_t position = 0;
  const auto number = output.substr(at + marker.size());
  if (std::from_chars(number.data(), number.data() + number.size(), position).ec != std::errc{})
    return {};
  for (const auto& [name, content] : files) {
    if (named == name || named.ends_with("/" + name)) {
      return fmt::format("{}, line {}", name, line_of_position(content, position));
    }
  }
  return {};
}

}  // namespace

Error explain_failure(std::string what, std::string_view output,
                      const std::map<std::string, std::string>& files) {
  static constexpr std::array<std::string_view, 3> no_space = {
      "No space left on device", "(os error 28)", "Disk quota exceeded"};
  static constexpr std::array<std::string_view, 10> no_network = {
      "dns error",
      "Temporary failure in name resolution",
      "tcp connect error",
      "Network is unreachable",
      "Connection refused",
      "error sending request for url",
      "Name or service not known",
      "Failed to establish a new connection",
      "connection timed out",
      "operation timed out"};
  Error error;
  error.what = std::move(what);
  error.why = own_words(output);
  if (has_any(output, no_space)) {
    error.reason = Reason::no_space;
    error.hint = "free some space and run again; `carrel cache` shows what Carrel keeps";
  } else if (has_any(output, no_network)) {
    error.reason = Reason::no_network;
    error.hint =
        "check the network (or HTTPS_PROXY, UV_DEFAULT_INDEX) and run again; nothing is lost";
  } else if (const auto place = place_of(output, files); !place.empty()) {
    error.what = fmt::format("{}: cannot read {}", error.what, place);
    error.exit = Exit::usage;
    error.hint = "correct that line and run again";
  } else if (output.find("TOML parse error") != std::string_view::npos) {
    error.exit = Exit::usage;
    error.hint = "correct that file and run again";
  } else if (output.find("No solution found") != std::string_view::npos) {
    error.exit = Exit::act;
    error.hint = "loosen or change the versions that are asked for, then run again";
  }
  return error;
}

}  // namespace carrel
