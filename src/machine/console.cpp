#include "machine/console.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {
namespace {

constexpr std::string_view begin_marker = "-----BEGIN SSH HOST KEY KEYS-----";
constexpr std::string_view end_marker = "-----END SSH HOST KEY KEYS-----";
constexpr std::size_t longest_key = 2000;

bool is_base64(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
  });
}

bool is_key_type(std::string_view text) {
  return (text.starts_with("ssh-") || text.starts_with("ecdsa-sha2-") || text.starts_with("sk-")) &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '@' ||
                  c == '.';
         });
}

}  // namespace

std::optional<std::string> public_key_of(std::string_view line) {
  if (line.size() > longest_key) return std::nullopt;
  const auto parts = split(line, ' ');
  if (parts.size() < 2 || !is_key_type(parts[0]) || !is_base64(parts[1])) return std::nullopt;
  return parts[0] + " " + parts[1];
}

std::vector<std::string> host_keys_of_console(std::string_view console) {
  std::vector<std::string> found;
  std::optional<std::vector<std::string>> block;  // the one that is being read
  for (const auto& whole : lines_of(console)) {
    const auto line = trimmed(whole);
    if (line.ends_with(begin_marker)) {
      block.emplace();
    } else if (line.ends_with(end_marker)) {
      if (block && !block->empty()) found = std::move(*block);
      block.reset();
    } else if (block && !line.empty()) {
      if (auto key = public_key_of(line)) {
        block->push_back(std::move(*key));
      } else {
        block.reset();
      }
    }
  }
  return found;
}

std::string known_hosts(std::string_view name, const std::vector<std::string>& keys) {
  std::string text;
  for (const auto& key : keys) text += std::string(name) + " " + key + "\n";
  return text;
}

}  // namespace carrel
