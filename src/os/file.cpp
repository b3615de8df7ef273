#include "os/file.hpp"

#include "base/error.hpp"
#include "os/detail.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <stdio.h>   // rename(2)
#include <stdlib.h>  // mkostemp
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace carrel {

namespace fs = std::filesystem;

Error system_error(std::string what, int error_number) {
  Error error{.what = std::move(what),
              .why = std::generic_category().message(error_number),
              .hint = {},
              .trace = {}};
  switch (error_number) {
    case ENOENT:
      error.reason = Reason::not_found;
      break;
    case EEXIST:
      error.reason = Reason::exists;
      break;
    case ENOSPC:
      error.reason = Reason::no_space;
      error.hint = "free some space on this disk, then run the command again";
      break;
    case EDQUOT:  // NOLINT(misc-include-cleaner): a macro of <errno.h>
      error.reason = Reason::no_space;
      error.hint = "your disk quota is used up: remove files, then run the command again";
      break;
    case EACCES:
    case EPERM:
      error.hint = "check who owns it and its permissions";
      break;
    case EROFS:
      error.hint = "this file system is mounted read-only: choose another place";
      break;
    case EMFILE:
      error.hint = "too many files are open: raise the limit (ulimit -n)";
      break;
    case EBUSY:
    case ETXTBSY:
      error.reason = Reason::busy;
      break;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      error.reason = Reason::unreachable;
      break;
    case ETIMEDOUT:
      error.reason = Reason::timed_out;
      break;
    default:
      break;
  }
  return error;
}

Result<std::string> read_file(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(system_error("cannot read " + path.string(), errno));
  return read_all(file.get(), path.string());
}

Result<> write_file(const fs::path& path, std::string_view bytes, mode_t mode) {
  const auto failed = [&path](int error) {
    return fail(system_error("cannot write " + path.string(), error));
  };
  // a name of its own length: the file's may be as long as names can be
  std::string temporary = (path.parent_path() / ".carrel-XXXXXX").string();
  Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return failed(errno);
  int error = write_all(file.get(), bytes);
  if (error == 0 && ::fchmod(file.get(), mode) != 0) error = errno;
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  file.close();
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(temporary.c_str());
  return failed(error);
}

Result<> make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail(system_error("cannot make the folder " + path.string(), error.value()));
  return {};
}

Result<> make_private_folder(const fs::path& path) {
  // "a/b/" has an empty last part
  const fs::path folder = path.has_filename() ? path : path.parent_path();
  if (folder.has_parent_path()) TRY(make_folder(folder.parent_path()));
  const bool made = ::mkdir(folder.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) {
    return fail(system_error("cannot make the folder " + folder.string(), errno));
  }
  const auto unverified = [&folder](std::string why, std::string hint) {
    return fail({.what = "the folder " + folder.string() + " cannot be trusted with private files",
                 .why = std::move(why),
                 .hint = std::move(hint),
                 .reason = Reason::unverified,
                 .trace = {}});
  };
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened && (errno == ENOTDIR || errno == ELOOP)) {
    return unverified("it is a symbolic link or a file", "move it away: " + folder.string());
  }
  if (!opened) return fail(system_error("cannot open the folder " + folder.string(), errno));
  struct stat status{};
  if (::fstat(opened.get(), &status) != 0) {
    return fail(system_error("cannot look at the folder " + folder.string(), errno));
  }
  if (status.st_uid != ::geteuid()) {
    return unverified(fmt::format("it belongs to user {}", status.st_uid), "choose another place");
  }
  // a umask may have taken more away
  if (made && ::fchmod(opened.get(), 0700) != 0) {
    return fail(system_error("cannot protect the folder " + folder.string(), errno));
  }
  if (!made && (status.st_mode & 0777U) != 0700) {
    return unverified(fmt::format("its permissions are {:04o}", status.st_mode & 0777U),
                      "chmod 700 " + folder.string());
  }
  return {};
}

std::uint64_t free_space(const fs::path& path) {
  std::error_code error;
  fs::path existing = fs::absolute(path, error);
  while (true) {
    struct statvfs space{};
    if (::statvfs(existing.c_str(), &space) == 0) {
      return std::uint64_t{space.f_bavail} * space.f_frsize;
    }
    // what does not exist yet will be made on the disk of the nearest folder that does
    if (errno != ENOENT || !existing.has_relative_path()) return 0;
    existing = existing.parent_path();
  }
}

}  // namespace carrel
