// Whole folders: removed, measured. By descriptors, so that no link that appears in the middle is
// followed.
#include "base/error.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"

#include <cerrno>
#include <cstdint>
#include <dirent.h>
#include <expected>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carrel {
namespace {

namespace fs = std::filesystem;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

int open_folder(int parent, const char* name) {
  return ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

Folder opened(Descriptor descriptor) {
  Folder folder(::fdopendir(descriptor.get()));
  if (folder) descriptor.release();
  return folder;
}

// Names first: removing while reading may skip entries.
Result<std::vector<std::string>> names_in(DIR* folder, const fs::path& path) {
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(folder);
    if (entry == nullptr) break;
    const std::string_view name = &entry->d_name[0];
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail(system_error("cannot read the folder " + path.string(), errno));
  return names;
}

class Remover {
 public:
  Result<> remove(int parent, const std::string& name, const fs::path& path) {
    struct stat status{};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? Result<>{} : failed(path);
    }
    if (!S_ISDIR(status.st_mode)) return unlink(parent, name, path, 0);
    if (!device_known_) device_ = status.st_dev;
    device_known_ = true;
    if (status.st_dev != device_) {
      return fail({.what = "cannot remove " + path.string(),
                   .why = "another file system is mounted there",
                   .hint = "umount " + path.string(),
                   .reason = Reason::busy,
                   .trace = {}});
    }
    TRY(empty(parent, name, path, status.st_mode));
    return unlink(parent, name, path, AT_REMOVEDIR);
  }

 private:
  static std::unexpected<Error> failed(const fs::path& path) {
    return fail(system_error("cannot remove " + path.string(), errno));
  }

  static Result<> unlink(int parent, const std::string& name, const fs::path& path, int flags) {
    if (::unlinkat(parent, name.c_str(), flags) == 0 || errno == ENOENT) return {};
    return failed(path);
  }

  Result<> empty(int parent, const std::string& name, const fs::path& path, mode_t mode) {
    // uv and pip leave caches without write permission; whoever owns them may change that
    if ((mode & 0700U) != 0700) {
      ::fchmodat(parent, name.c_str(), (mode & 07777U) | 0700U, AT_SYMLINK_NOFOLLOW);
    }
    Descriptor descriptor(open_folder(parent, name.c_str()));
    if (!descriptor) return errno == ENOENT ? Result<>{} : failed(path);
    const Folder folder = opened(std::move(descriptor));
    if (!folder) return failed(path);
    for (const std::string& child : TRY(names_in(folder.get(), path))) {
      TRY(remove(::dirfd(folder.get()), child, path / child));
    }
    return {};
  }

  dev_t device_ = 0;
  bool device_known_ = false;
};

using Inode = std::pair<dev_t, ino_t>;

std::uint64_t size_of(int parent, const std::string& name, std::set<Inode>& seen) {
  struct stat status{};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  if (!S_ISDIR(status.st_mode)) {
    if (status.st_nlink > 1 && !seen.insert({status.st_dev, status.st_ino}).second) return 0;
    return static_cast<std::uint64_t>(status.st_size);
  }
  Descriptor descriptor(open_folder(parent, name.c_str()));
  if (!descriptor) return 0;
  const Folder folder = opened(std::move(descriptor));
  if (!folder) return 0;
  std::uint64_t sum = 0;
  if (const auto names = names_in(folder.get(), name)) {
    for (const std::string& child : *names) sum += size_of(::dirfd(folder.get()), child, seen);
  }
  return sum;
}

}  // namespace

Result<> remove_tree(const fs::path& path) {
  if (path.empty() || path == path.root_path()) {
    return fail({.what = "refusing to remove \"" + path.string() + "\"",
                 .why = {},
                 .hint = {},
                 .trace = {}});
  }
  // "link/" would be what the link points to
  const fs::path named = path.has_filename() ? path : path.parent_path();
  return Remover().remove(AT_FDCWD, named.string(), named);
}

std::uint64_t tree_size(const fs::path& path) {
  std::set<Inode> seen;
  return size_of(AT_FDCWD, path.string(), seen);
}

}  // namespace carrel
