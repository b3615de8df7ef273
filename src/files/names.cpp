#include "files/names.hpp"

#include "base/text.hpp"
#include "os/listing.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view mark = ".from-machine";
constexpr std::array<std::string_view, 2> made_again = {".ipynb_checkpoints", "__pycache__"};

// Some file systems take .GIT for the same.
bool is_git(std::string_view name) {
  return name.size() == 4 && name[0] == '.' && (name[1] | 0x20) == 'g' && (name[2] | 0x20) == 'i' &&
         (name[3] | 0x20) == 't';
}

std::string marked(std::string_view name, int number) {
  const auto dot = name.rfind('.');
  const auto stem = dot == std::string_view::npos || dot == 0 ? name.size() : dot;
  return fmt::format("{}{}{}{}", name.substr(0, stem), mark,
                     number == 1 ? std::string() : fmt::format("-{}", number), name.substr(stem));
}

}  // namespace

bool is_inside(std::string_view path) {
  if (path.empty() || path.contains('\0')) return false;
  return std::ranges::none_of(split(path, '/'), [](std::string_view name) {
    return name.empty() || name == "." || name == "..";
  });
}

bool is_never_exchanged(std::string_view path) {
  return std::ranges::any_of(split(path, '/'), [](std::string_view name) {
    return is_git(name) || std::ranges::find(made_again, name) != made_again.end() ||
           name.starts_with(incoming) || name.contains(mark);
  });
}

std::string never_exchanged_for_find() {
  return "-iname .git -o -name .ipynb_checkpoints -o -name __pycache__ -o -name '*.from-machine*'";
}

std::string name_beside(const std::function<std::optional<FileKind>(const std::string&)>& here,
                        const std::string& path) {
  std::size_t begin = 0;
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', begin)) {
    const auto found = here(path.substr(0, slash));
    if (found && *found != FileKind::folder) break;
    begin = slash + 1;
  }
  const auto end = std::min(path.find('/', begin), path.size());
  for (int number = 1;; ++number) {
    const auto name =
        path.substr(0, begin) + marked(std::string_view(path).substr(begin, end - begin), number);
    // A folder that was made for a neighbour takes this one, too.
    const auto found = here(name);
    if (!found || (end < path.size() && *found == FileKind::folder)) {
      return name + path.substr(end);
    }
  }
}

}  // namespace carrel
