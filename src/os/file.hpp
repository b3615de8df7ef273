// Files and folders of this computer. Functions answer with the system's own words in Error::why;
// ENOSPC and EDQUOT are Reason::no_space, ENOENT is not_found.
#pragma once

#include "base/error.hpp"
#include "os/wait.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace carrel {

Error system_error(std::string what,
                   int error_number);  // why = strerror, reason and hint by the number

Result<std::string> read_file(const std::filesystem::path& path);
// Whole or not at all: a temporary file beside it, fsync, rename. `mode` is exact (no umask).
Result<> write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode);
// mkdir -p; the last folder is 0700, ours, and no symbolic link, else Reason::unverified.
Result<> make_private_folder(const std::filesystem::path& path);
Result<> make_folder(const std::filesystem::path& path);
// Also removes what is read-only inside; a path that does not exist is done. Never follows links.
Result<> remove_tree(const std::filesystem::path& path);
std::uint64_t tree_size(const std::filesystem::path& path);  // bytes, each inode once
std::uint64_t free_space(const std::filesystem::path& path);

bool can_write(const std::filesystem::path& folder);  // access(2), as this person
bool is_folder(
    const std::string& path);  // or a link to one; no path is made: a listing asks thousands

// flock(2) on a file that stays: released when the object or the process ends.
class FileLock {
 public:
  // Waits within `wait`; Reason::busy when the deadline is already over and another holds it.
  static Result<FileLock> acquire(const std::filesystem::path& path, const Wait& wait);
  static bool is_held(const std::filesystem::path& path);
  // What the locked file holds itself: small facts that may be lost, written in place and not
  // synced. A process that dies while it writes leaves half of them.
  Result<std::string> text() const;
  Result<> set_text(std::string_view text) const;
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace carrel
