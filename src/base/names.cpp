#include "base/names.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view crockford = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t random_bytes = 10;
constexpr std::size_t longest_name = 40;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// As `crockford` has it, without a search: a listing reads thousands of ids.
bool is_id_character(char c) {
  return (c >= '0' && c <= '9') ||
         (c >= 'a' && c <= 'z' && c != 'i' && c != 'l' && c != 'o' && c != 'u');
}

void cut_to(std::string& name, std::size_t length) {
  if (name.size() > length) name.resize(length);
  while (name.ends_with('-')) name.pop_back();
}

// For an error message: somebody may pass a whole file.
std::string shown(std::string_view text) {
  constexpr std::size_t longest_shown = 60;
  if (text.size() <= longest_shown) return printable(text);
  return printable(text.substr(0, longest_shown)) + "...";
}

}  // namespace

WorkspaceId WorkspaceId::make(std::chrono::system_clock::time_point now, std::string_view random) {
  const auto since_epoch =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  auto time = static_cast<std::uint64_t>(since_epoch.count());
  Text text{};
  for (std::size_t i = 10; i-- > 0; time >>= 5U) text[i] = crockford[time & 31U];
  text[0] = crockford[crockford.find(text[0]) & 7U];  // 48 bits of time fill 9.6 characters
  std::uint32_t held = 0;
  unsigned held_bits = 0;
  std::size_t at = 10;
  for (std::size_t i = 0; i < random_bytes; ++i) {
    const unsigned char byte = i < random.size() ? static_cast<unsigned char>(random[i]) : 0;
    held = (held << 8U | byte) & 0xFFFFU;
    for (held_bits += 8; held_bits >= 5;) {
      held_bits -= 5;
      text[at++] = crockford[held >> held_bits & 31U];
    }
  }
  return WorkspaceId(text);
}

Result<WorkspaceId> WorkspaceId::parse(std::string_view text) {
  const bool good = text.size() == Text{}.size() && text.front() <= '7' &&
                    std::ranges::all_of(text, is_id_character);
  if (!good) {
    return fail({.what = fmt::format("\"{}\" is not a workspace id", shown(text)),
                 .why = "an id has 26 characters, each one of " + std::string(crockford),
                 .hint = {},
                 .trace = {}});
  }
  Text id{};
  std::ranges::copy(text, id.begin());
  return WorkspaceId(id);
}

Result<WorkspaceName> WorkspaceName::parse(std::string_view text) {
  const char* rule = "a name has letters, digits and '-', and does not begin or end with '-'";
  if (text.empty()) return usage_error("the workspace name is empty", rule);
  if (text.size() > longest_name) {
    return usage_error(
        fmt::format("the workspace name \"{}\" has more than 40 characters", shown(text)), rule);
  }
  if (!std::ranges::all_of(text, is_name_character) || text.front() == '-' || text.back() == '-') {
    return usage_error(fmt::format("\"{}\" cannot be a workspace name", shown(text)), rule);
  }
  return WorkspaceName(std::string(text));
}

WorkspaceName WorkspaceName::from_folder(std::string_view folder_name) {
  std::string name;
  for (const char c : folder_name) {
    const char valid = is_name_character(c) ? c : '-';
    if (valid == '-' && (name.empty() || name.back() == '-')) continue;
    name += valid;
  }
  cut_to(name, longest_name);
  if (name.empty()) name = "workspace";
  return WorkspaceName(std::move(name));
}

WorkspaceName WorkspaceName::numbered(int number) const {
  const std::string suffix = fmt::format("-{}", number);
  std::string name = text_;
  cut_to(name, longest_name - suffix.size());
  return WorkspaceName(name + suffix);
}

}  // namespace carrel
