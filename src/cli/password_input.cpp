#include "cli/password_input.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "os/file.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <expected>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace carrel::cli {
namespace {

constexpr std::size_t longest = 4096;

Result<Secret> checked(std::string text, std::string_view from) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return usage_error("the password from " + std::string(from) + " is empty");
  if (text.size() > longest) {
    return usage_error("the password from " + std::string(from) + " is longer than 4096 bytes");
  }
  if (text.find('\n') != std::string::npos) {
    return usage_error("the password from " + std::string(from) + " has more than one line");
  }
  return Secret(std::move(text));
}

std::unexpected<Error> must_act(std::string what, std::string hint) {
  return fail({.what = std::move(what),
               .why = {},
               .hint = std::move(hint),
               .exit = Exit::act,
               .reason = Reason::other,
               .trace = {}});
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

Result<Secret> ask_new_password(const CommandContext& context, std::string_view question,
                                std::string_view instead) {
  auto& terminal = context.world.terminal;
  if (!terminal.can_ask()) {
    return must_act("a password is needed and there is no terminal to ask for it",
                    std::string(instead));
  }
  auto first = TRY(terminal.ask_secret(question, context.wait()));
  if (first.empty()) return must_act("no password was given", {});
  const auto second = TRY(terminal.ask_secret("The same again: ", context.wait()));
  if (first != second) return must_act("the two passwords differ", "try again");
  return first;
}

Result<Secret> password_from_input(const CommandContext& context) {
  return checked(TRY(context.world.terminal.read_input()), "standard input");
}

Result<Secret> password_from_file(const std::filesystem::path& path, unsigned user) {
  const auto shown = printable(path.string());
  const auto failed = [&](int number) {
    return fail(system_error("cannot read the password file " + shown, number)
                    .while_doing("reading CARREL_PASSWORD_FILE"));
  };
  // One open file is both looked at and read, so that it cannot be exchanged between.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.number() < 0) return failed(errno);
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return failed(errno);
  if (!S_ISREG(status.st_mode))
    return usage_error("the password file " + shown + " is no plain file");
  if (status.st_uid != user && status.st_uid != 0) {
    return must_act("the password file " + shown + " belongs to somebody else",
                    "make one of your own, with mode 600");
  }
  if ((status.st_mode & 077U) != 0) {
    return must_act("others can read the password file " + shown,
                    "chmod 600 " + shell_quoted(path.string()));
  }
  std::string text;
  std::array<char, longest + 3> buffer{};
  while (text.size() <= longest + 2) {
    const auto count = ::read(file.number(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno);
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return checked(std::move(text), shown);
}

}  // namespace carrel::cli
