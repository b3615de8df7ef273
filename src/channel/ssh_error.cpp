#include "channel/ssh_error.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/ssh_target.hpp"
#include "os/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace carrel {
namespace {

constexpr std::size_t most_lines = 20;

bool has_one_of(std::string_view words, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts,
                             [words](std::string_view part) { return words.contains(part); });
}

std::string shown(std::string_view words) {
  return printable(trimmed(last_lines(words, most_lines)));
}

}  // namespace

Error ssh_error(const SshTarget& target, std::string_view words) {
  const std::string name = name_of(target);
  Error error{.what = {}, .why = shown(words), .hint = {}, .trace = {}};
  if (has_one_of(words, {"Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED",
                         "host key is known for", "key was revoked", "marked as revoked"})) {
    error.what = name + " did not prove that it is the machine it should be";
    error.hint = "do not go on before you know why: another machine may have its address";
    error.reason = Reason::unverified;
  } else if (has_one_of(words, {"Permission denied (", "Too many authentication failures",
                                "No supported authentication methods"})) {
    error.what = name + " refused the login";
    error.hint = "check the login name, and that the machine knows the key";
    error.reason = Reason::refused;
  } else if (has_one_of(words, {"Bad configuration option", "bad configuration options",
                                "Bad owner or permissions", "too long for Unix domain socket",
                                "Missing argument", "missing argument", "keyword "})) {
    error.what = "ssh cannot be used here";
    error.hint = "check ssh's configuration and its version (ssh -V)";
  } else {
    error.what = "cannot reach " + name;
    error.hint = "check the network, and that the machine runs and lets this address in";
    error.reason = Reason::unreachable;
  }
  return error;
}

Error machine_error(std::string what, std::string_view words) {
  // NOLINTNEXTLINE(misc-include-cleaner): EDQUOT, a macro of <errno.h>
  constexpr std::array numbers = {ENOENT, ENOTDIR, EEXIST, ENOSPC, EDQUOT, EACCES,
                                  EPERM,  EROFS,   EBUSY,  EISDIR, ELOOP,  ENAMETOOLONG};
  for (const int number : numbers) {
    if (words.contains(": " + std::generic_category().message(number))) {
      return system_error(std::move(what), number);
    }
  }
  return {.what = std::move(what), .why = shown(words), .hint = {}, .trace = {}};
}

}  // namespace carrel
