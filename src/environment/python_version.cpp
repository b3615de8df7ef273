#include "environment/python_version.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "environment/failing.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

using Release = std::vector<int>;

std::optional<Release> release_of(std::string_view text) {
  Release release;
  for (const auto& part : split(text, '.')) {
    int number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc{} || end != part.data() + part.size() || number < 0) return {};
    release.push_back(number);
  }
  if (release.empty() || release.size() > 4) return {};
  return release;
}

int compare(Release left, Release right) {
  const auto length = std::max(left.size(), right.size());
  left.resize(length);
  right.resize(length);
  if (left == right) return 0;
  return left < right ? -1 : 1;
}

bool starts_with(const Release& release, const Release& prefix) {
  return release.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), release.begin());
}

struct Specifier {
  std::string operation;
  Release release;
  bool wildcard = false;
};

bool satisfies(const Specifier& wanted, const Release& release) {
  const int order = compare(release, wanted.release);
  const auto& operation = wanted.operation;
  if (operation == ">=") return order >= 0;
  if (operation == "<=") return order <= 0;
  if (operation == ">") return order > 0;
  if (operation == "<") return order < 0;
  if (operation == "~=") {
    auto prefix = wanted.release;
    prefix.pop_back();
    return order >= 0 && starts_with(release, prefix);
  }
  const bool equal = wanted.wildcard ? starts_with(release, wanted.release) : order == 0;
  return operation == "!=" ? !equal : equal;
}

Result<std::vector<Specifier>> parse_specifiers(std::string_view text) {
  static constexpr std::array<std::string_view, 8> operations = {
      "===", ">=", "<=", "==", "!=", "~=", ">", "<"};
  const auto broken = [&] {
    return failed(fmt::format("'{}' is no version constraint", printable(text)), "",
                  "write it like >=3.11 or >=3.10,<3.13");
  };
  std::vector<Specifier> all;
  for (const auto& piece : split(text, ',')) {
    auto part = trimmed(piece);
    if (part.empty()) continue;
    const auto operation = std::ranges::find_if(
        operations, [&](std::string_view candidate) { return part.starts_with(candidate); });
    Specifier specifier{.operation = operation == operations.end() ? "==" : std::string(*operation),
                        .release = {}};
    if (operation != operations.end()) part = trimmed(part.substr(operation->size()));
    if (part.ends_with(".*")) {
      specifier.wildcard = true;
      part.remove_suffix(2);
    }
    // 3.13rc1 and 3.13.0a2 are taken as their release
    if (const auto letter = part.find_first_not_of("0123456789."); letter != part.npos) {
      part = part.substr(0, letter);
    }
    const auto release = release_of(part);
    if (!release || (specifier.operation == "~=" && release->size() < 2)) return broken();
    specifier.release = *release;
    // a bare "3.12" stands for all of 3.12
    if (operation == operations.end() && release->size() < 3) specifier.wildcard = true;
    all.push_back(std::move(specifier));
  }
  return all;
}

}  // namespace

Result<std::string> version_of_file(std::string_view file_name, std::string_view content) {
  for (const auto& raw : lines_of(content)) {
    auto line = trimmed(std::string_view(raw).substr(0, raw.find('#')));
    if (line.empty()) continue;
    const auto shown = std::string(line);
    for (const std::string_view prefix : {"cpython", "python"}) {
      if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
    }
    if (line.starts_with('-') || line.starts_with('@')) line.remove_prefix(1);
    if (release_of(line)) return std::string(line);
    return failed(
        fmt::format("{} asks for '{}', which Carrel does not know", file_name, printable(shown)),
        "it takes versions of CPython only",
        fmt::format("write a version like 3.12 into {}", file_name), Exit::act);
  }
  return std::string();
}

Result<bool> admits(std::string_view specifiers, std::string_view version) {
  const auto wanted = TRY(parse_specifiers(specifiers));
  const auto release = release_of(version);
  if (!release) return false;
  const auto all = [&](const Release& candidate) {
    return std::ranges::all_of(wanted,
                               [&](const Specifier& one) { return satisfies(one, candidate); });
  };
  if (release->size() >= 3) return all(*release);
  // "3" and "3.12" stand for every release below them
  for (int minor = 0; minor < 40; ++minor) {
    if (release->size() == 2 && minor != (*release)[1]) continue;
    for (int patch = 0; patch < 40; ++patch) {
      if (all({(*release)[0], minor, patch})) return true;
    }
  }
  return false;
}

Result<PythonWish> combine(const std::optional<PythonWish>& version_file,
                           const std::optional<PythonWish>& requires_python) {
  const bool has_version = version_file && !version_file->constraint.empty();
  const bool has_requires = requires_python && !requires_python->constraint.empty();
  if (has_requires) {
    auto parsed = parse_specifiers(requires_python->constraint);
    if (!parsed)
      return fail(std::move(parsed).error().while_doing("reading " + requires_python->from));
  }
  if (!has_version) return has_requires ? *requires_python : PythonWish{};
  if (has_requires && !TRY(admits(requires_python->constraint, version_file->constraint))) {
    return failed(fmt::format("{} asks for Python {}, but {} for {}", version_file->from,
                              version_file->constraint, requires_python->from,
                              printable(requires_python->constraint)),
                  "", "change one of the two", Exit::act);
  }
  return *version_file;
}

std::string uv_request(std::string_view constraint) {
  const auto text = trimmed(constraint);
  if (text.empty()) return ">=3.10";
  if (release_of(text)) return std::string(text);
  for (const std::string_view modern : {"3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.16"}) {
    const auto admitted = admits(text, modern);
    if (admitted && *admitted) return fmt::format(">=3.10,{}", text);
  }
  return std::string(text);
}

}  // namespace carrel
