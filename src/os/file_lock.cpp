#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace carrel {
namespace {

namespace fs = std::filesystem;

int lock_now(int descriptor, int kind) {
  while (::flock(descriptor, kind | LOCK_NB) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

// Somebody may have replaced the file between open and flock; then the lock guards nothing.
bool is_still_at(int descriptor, const fs::path& path) {
  struct stat locked{};
  struct stat named{};
  return ::fstat(descriptor, &locked) == 0 && ::stat(path.c_str(), &named) == 0 &&
         locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

}  // namespace

// flock cannot be polled, and a helper thread that waits in flock could not be called back on
// Ctrl-C. So it is tried again after 1, 2, 4, ... at most 20 ms, and the time between is spent in
// poll on the interrupt.
Result<FileLock> FileLock::acquire(const fs::path& path, const Wait& wait) {
  Milliseconds pause(1);
  while (true) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return fail(system_error("cannot open the lock " + path.string(), errno));
    int error = lock_now(file.get(), LOCK_EX);
    if (error == EWOULDBLOCK && pause == Milliseconds(1)) {
      // is_held takes it for an instant: one refusal is no proof
      TRY(pause_for(pause, {}));
      error = lock_now(file.get(), LOCK_EX);
    }
    if (error == 0 && is_still_at(file.get(), path)) return FileLock(file.release());
    if (error != 0 && error != EWOULDBLOCK) {
      return fail(system_error("cannot lock " + path.string(), error));
    }
    if (wait.deadline && SystemClock().now() >= *wait.deadline) {
      return fail({.what = "another command holds " + path.string(),
                   .why = {},
                   .hint = "wait until it is done, then try again",
                   .reason = Reason::busy,
                   .trace = {}});
    }
    TRY(pause_for(pause, wait));
    pause = std::min(pause * 2, Milliseconds(20));
  }
}

bool FileLock::is_held(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file && lock_now(file.get(), LOCK_SH) == EWOULDBLOCK;
}

Result<std::string> FileLock::text() const {
  if (::lseek(descriptor_, 0, SEEK_SET) != 0) {
    return fail(system_error("cannot read a locked file", errno));
  }
  return read_all(descriptor_, "a locked file");
}

Result<> FileLock::set_text(std::string_view text) const {
  int error =
      ::ftruncate(descriptor_, 0) == 0 && ::lseek(descriptor_, 0, SEEK_SET) == 0 ? 0 : errno;
  if (error == 0) error = write_all(descriptor_, text);
  if (error == 0) return {};
  return fail(system_error("cannot write a locked file", error));
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace carrel
