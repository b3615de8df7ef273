#include "os/terminal.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>
#include <utility>

namespace carrel {
namespace {

constexpr std::size_t longest_answer = 64UL << 10U;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

// Standard input when it is a terminal; else the terminal of this session (input comes from a pipe,
// a person is there).
Result<Descriptor> person() {
  Descriptor terminal(::isatty(0) == 1 ? ::fcntl(0, F_DUPFD_CLOEXEC, 3)
                                       : ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (terminal) return terminal;
  return fail({.what = "there is nobody to ask: this is no terminal",
               .why = {},
               .hint = "run it in a terminal, or give the answer on the command line",
               .exit = Exit::act,
               .reason = Reason::refused,
               .trace = {}});
}

// No echo while it lives. The keys that would end or stop the program without letting it restore
// the echo are off; Ctrl-C stays: it arrives as an interrupt.
class NoEcho {
 public:
  explicit NoEcho(int terminal) : terminal_(terminal) {
    known_ = ::tcgetattr(terminal_, &before_) == 0;
    if (!known_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ICANON | ECHONL;
    silent.c_cc[VQUIT] = _POSIX_VDISABLE;
    silent.c_cc[VSUSP] = _POSIX_VDISABLE;
    set(silent, TCSAFLUSH);
  }
  ~NoEcho() {
    if (known_) set(before_, TCSADRAIN);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  NoEcho(NoEcho&&) = delete;
  NoEcho& operator=(NoEcho&&) = delete;
  bool works() const { return known_; }

 private:
  void set(const termios& attributes, int when) const {
    while (::tcsetattr(terminal_, when, &attributes) != 0 && errno == EINTR) {
    }
  }
  int terminal_;
  termios before_{};
  bool known_ = false;
};

Result<std::string> read_line(int terminal, const Wait& wait) {
  std::string line;
  while (true) {
    TRY(wait_for(terminal, POLLIN, wait));
    char c = 0;
    const auto got = ::read(terminal, &c, 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return fail(system_error("cannot read the answer", errno));
    const bool ended = got == 0;
    if (ended && line.empty()) {
      return fail({.what = "there was no answer",
                   .why = "the input has ended",
                   .hint = {},
                   .exit = Exit::act,
                   .reason = Reason::refused,
                   .trace = {}});
    }
    if (ended || c == '\n') break;
    if (line.size() == longest_answer) {
      return fail({.what = "the answer is too long", .why = {}, .hint = {}, .trace = {}});
    }
    line += c;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

bool SystemTerminal::output_is_terminal() const {
  return ::isatty(1) == 1;
}
bool SystemTerminal::error_is_terminal() const {
  return ::isatty(2) == 1;
}
bool SystemTerminal::can_ask() const {
  return ::isatty(0) == 1 && ::isatty(2) == 1;
}

bool SystemTerminal::colours() const {
  return (output_is_terminal() || error_is_terminal()) && variable("NO_COLOR").empty() &&
         variable("TERM") != "dumb";
}

int SystemTerminal::width() const {
  for (const int descriptor : {1, 2}) {
    winsize size{};
    // NOLINTNEXTLINE(misc-include-cleaner): TIOCGWINSZ, a macro of <sys/ioctl.h>
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

void SystemTerminal::out(std::string_view text) {
  const int error = write_all(1, text);
  if (error == 0) return;
  // as `head` expects: whoever reads has had enough
  if (error == EPIPE) ::_exit(0);
  // A table that ends in the middle must not look like success.
  write_all(2, "carrel: cannot write to standard output: " +
                   std::generic_category().message(error) + "\n");
  ::_exit(static_cast<int>(Exit::failed));
}

void SystemTerminal::err(std::string_view text) {
  // nowhere is left to complain
  (void)write_all(2, text);
}

Result<std::string> SystemTerminal::ask(std::string_view question, const Wait& wait) {
  const Descriptor terminal = TRY(person());
  err(question);
  return read_line(terminal.get(), wait);
}

Result<Secret> SystemTerminal::ask_secret(std::string_view question, const Wait& wait) {
  const Descriptor terminal = TRY(person());
  const NoEcho no_echo(terminal.get());
  if (!no_echo.works()) {
    return fail({.what = "the terminal's echo cannot be switched off",
                 .why = {},
                 .hint = "run it in another terminal",
                 .exit = Exit::act,
                 .trace = {}});
  }
  err(question);
  auto line = read_line(terminal.get(), wait);
  if (!line) {
    // the cursor is still behind the question
    err("\n");
    return fail(std::move(line).error());
  }
  return Secret(std::move(*line));
}

Result<std::string> SystemTerminal::read_input() {
  return read_all(0, "standard input");
}

}  // namespace carrel
