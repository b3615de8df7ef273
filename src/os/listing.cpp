#include "os/listing.hpp"

#include "base/error.hpp"
#include "os/file.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <utility>
#include <vector>

namespace carrel {

namespace fs = std::filesystem;

std::optional<FileEntry> look_at(const fs::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  if (S_ISDIR(status.st_mode)) return FileEntry{.kind = FileKind::folder};
  if (S_ISLNK(status.st_mode)) {
    std::error_code error;
    auto target = fs::read_symlink(path, error);
    if (error) return std::nullopt;
    return FileEntry{.kind = FileKind::link, .target = target.string()};
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  constexpr std::int64_t second = 1'000'000'000;
  return FileEntry{.kind = FileKind::file,
                   .size = static_cast<std::uint64_t>(status.st_size),
                   .mtime = status.st_mtim.tv_sec * second + status.st_mtim.tv_nsec};
}

Result<FileList> list_tree(const fs::path& folder,
                           const std::function<bool(const std::string&)>& skip) {
  FileList list;
  std::vector<std::string> folders = {""};
  while (!folders.empty()) {
    const auto at = folders.back();
    folders.pop_back();
    std::error_code error;
    for (fs::directory_iterator entry(folder / at, error), end; !error && entry != end;
         entry.increment(error)) {
      const auto name = entry->path().filename().string();
      auto path = at.empty() ? name : (fs::path(at) / name).string();
      if (skip(path)) continue;
      auto found = look_at(entry->path());
      if (!found) continue;
      if (found->kind == FileKind::folder) folders.push_back(path);
      list.emplace(std::move(path), std::move(*found));
    }
    if (error) return fail(system_error("cannot read " + (folder / at).string(), error.value()));
  }
  return list;
}

}  // namespace carrel
