#include "os/process.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"
#include "os/lines.hpp"
#include "os/process_detail.hpp"
#include "os/wait.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <expected>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>  // W..., which it shares with <sys/wait.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr Milliseconds grace(2000);
constexpr std::size_t most_captured = std::size_t{256} << 20U;

// While a child has the terminal, Ctrl-C and Ctrl-\ are the child's.
class IgnoreKeys {
 public:
  explicit IgnoreKeys(bool ignore) : ignored_(ignore) {
    if (!ignored_) return;
    struct sigaction ignore_it{};
    ignore_it.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore_it, &interrupt_);
    ::sigaction(SIGQUIT, &ignore_it, &quit_);
  }
  ~IgnoreKeys() {
    if (!ignored_) return;
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGQUIT, &quit_, nullptr);
  }
  IgnoreKeys(const IgnoreKeys&) = delete;
  IgnoreKeys& operator=(const IgnoreKeys&) = delete;
  IgnoreKeys(IgnoreKeys&&) = delete;
  IgnoreKeys& operator=(IgnoreKeys&&) = delete;

 private:
  bool ignored_;
  struct sigaction interrupt_{};
  struct sigaction quit_{};
};

class Running {
 public:
  Running(const ProcessSpec& spec, Child child)
      : spec_(spec),
        child_(std::move(child)),
        pidfd_(open_pidfd(child_.pid)),
        to_write_(spec.input),
        input_from_(spec.input_from),
        output_lines_(spec.on_output),
        error_lines_(spec.on_output) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  Running(Running&&) = delete;
  Running& operator=(Running&&) = delete;
  ~Running() {
    if (reaped_) return;
    signal(SIGKILL);
    (void)reap();
  }

  Result<ProcessResult> to_the_end(const Wait& wait) {
    while (!enough_ && !has_ended()) {
      const Result<> stepped = step(wait);
      if (!stepped) return end_early(stepped.error());
    }
    if (enough_) {
      end_group();
      return std::move(result_);
    }
    drain();
    result_.status = reap();
    output_lines_.finish();
    error_lines_.finish();
    return std::move(result_);
  }

 private:
  // One poll: whatever comes first of the end, output, room for input, an interrupt, the deadline.
  Result<> step(const Wait& wait) {
    // A child that stops is told by no descriptor, hence the tick; without a pidfd (old kernels,
    // sandboxes) it also notices the end.
    const Wait tick = wait.sooner(Milliseconds(pidfd_ ? 1000 : 20));
    std::array<pollfd, 6> watched = {
        pollfd{.fd = wait.interrupt != nullptr ? wait.interrupt->descriptor() : -1,
               .events = POLLIN,
               .revents = 0},
        pollfd{.fd = pidfd_.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = child_.output.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = child_.error.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = to_write_.empty() ? -1 : child_.input.get(), .events = POLLOUT, .revents = 0},
        pollfd{.fd = to_write_.empty() && child_.input ? input_from_ : -1,
               .events = POLLIN,
               .revents = 0}};
    const int ready = ::poll(watched.data(), watched.size(), poll_timeout(tick.deadline));
    if (ready < 0 && errno != EINTR) return fail(system_error("cannot wait for a child", errno));
    if (ready < 0) return {};
    if (watched[0].revents != 0) return fail(interrupted());
    if (watched[2].revents != 0) TRY(read_some(child_.output, result_.output, output_lines_));
    if (watched[3].revents != 0) TRY(read_some(child_.error, result_.error, error_lines_));
    if (watched[4].revents != 0) write_some();
    if (watched[5].revents != 0) TRY(read_input());
    if (wait.deadline && SystemClock().now() >= *wait.deadline && !has_ended()) {
      return fail(timed_out());
    }
    return ready == 0 ? check_not_stopped() : Result<>{};
  }

  // How many bytes came; 0 at the end, and when there is nothing now.
  Result<std::size_t> read_some(Descriptor& from, std::string& into, LineSplitter& lines) {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0U;
    if (got <= 0) {
      from.close();
      return 0U;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (spec_.on_bytes) {
      const Stream stream = &into == &result_.output ? Stream::output : Stream::error;
      if (!enough_ && !spec_.on_bytes(stream, bytes)) enough_ = true;
      return bytes.size();
    }
    if (spec_.on_output) lines.add(bytes);
    if (!spec_.keep_output && &into == &result_.output) return bytes.size();
    if (into.size() + bytes.size() > most_captured) {
      return fail({.what = fmt::format("{} wrote more than {}", name(), size_text(most_captured)),
                   .why = {},
                   .hint = {},
                   .trace = {}});
    }
    into += bytes;
    return bytes.size();
  }

  void write_some() {
    const NoSigpipe no_sigpipe;
    const ssize_t written = ::write(child_.input.get(), to_write_.data(), to_write_.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (written > 0) to_write_.remove_prefix(static_cast<std::size_t>(written));
    // a child that does not want all of its input is no failure
    if (written < 0 || (to_write_.empty() && input_from_ < 0)) end_input();
  }

  void end_input() {
    to_write_ = {};
    child_.input.close();
  }

  Result<> read_input() {
    read_ahead_.resize(65536);
    const ssize_t got = ::read(input_from_, read_ahead_.data(), read_ahead_.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (got < 0) return fail(system_error("cannot read what " + name() + " is given", errno));
    if (got == 0) {
      end_input();
    } else {
      to_write_ = std::string_view(read_ahead_).substr(0, static_cast<std::size_t>(got));
    }
    return {};
  }

  // The child has ended. Grandchildren may hold the pipes for days, and write for ever: only what
  // is there now.
  void drain() {
    drain_one(child_.output, result_.output, output_lines_);
    drain_one(child_.error, result_.error, error_lines_);
  }

  void drain_one(Descriptor& from, std::string& into, LineSplitter& lines) {
    int left = 0;
    // NOLINTNEXTLINE(misc-include-cleaner): FIONREAD, a macro of <sys/ioctl.h>
    if (!from || ::ioctl(from.get(), FIONREAD, &left) != 0) return;
    while (from && left > 0) {
      const auto got = read_some(from, into, lines);
      if (!got || *got == 0) return;
      left -= static_cast<int>(*got);
    }
  }

  // WNOWAIT leaves it a zombie, so that neither its pid nor its group can become somebody else's
  // before `reap`.
  bool has_ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child_.pid), &info, WEXITED | WNOHANG | WNOWAIT) ==
               0 &&
           info.si_pid == child_.pid;
  }

  // Its group is in the background: whoever in it asks the terminal something (git: a password) is
  // stopped by the kernel, and would be until the deadline.
  Result<> check_not_stopped() const {
    siginfo_t info{};
    const bool stopped =
        !spec_.terminal &&
        ::waitid(P_PID, static_cast<id_t>(child_.pid), &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == child_.pid;
    if (!stopped || (info.si_status != SIGTTIN && info.si_status != SIGTTOU)) return {};
    return fail({.what = fmt::format("{} wants to ask something on the terminal", name()),
                 .why = "it runs in the background here, where nobody can answer",
                 .hint = fmt::format("run {} by hand once and see what it asks", name()),
                 .exit = Exit::act,
                 .reason = Reason::refused,
                 .trace = {}});
  }

  std::unexpected<Error> end_early(Error error) {
    end_group();
    return fail(std::move(error).while_doing("while running " + name()));
  }

  void end_group() {
    signal(SIGTERM);
    if (!spec_.terminal) signal(SIGCONT);
    const Wait patience = Wait::at_most(grace);
    // Open pipes: some of the group are still at work. The output is read on, lest they block on
    // it.
    while (!has_ended() || (!spec_.on_bytes && (child_.output || child_.error))) {
      if (SystemClock().now() >= *patience.deadline) break;
      if (has_ended()) pidfd_.close();
      if (const auto stepped = step(patience); !stepped) break;
    }
    if (!has_ended() || !spec_.terminal) signal(SIGKILL);
    result_.status = reap();
  }

  void signal(int number) const { ::kill(spec_.terminal ? child_.pid : -child_.pid, number); }

  int reap() {
    int status = 0;
    while (::waitpid(child_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string name() const { return printable(spec_.argv.front()); }

  const ProcessSpec& spec_;
  Child child_;
  Descriptor pidfd_;
  std::string_view to_write_;
  int input_from_;
  std::string read_ahead_;  // of input_from_
  LineSplitter output_lines_;
  LineSplitter error_lines_;
  ProcessResult result_;
  bool reaped_ = false;
  bool enough_ = false;
};

}  // namespace

Result<ProcessResult> SystemProcesses::run(const ProcessSpec& spec, const Wait& wait) {
  const IgnoreKeys ignore_keys(spec.terminal);
  Child child = TRY(spawn(spec));
  return Running(spec, std::move(child)).to_the_end(wait);
}

Environment this_environment() {
  Environment environment;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    // of two entries getenv finds the first
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

std::string node_name() {
  utsname names{};
  return ::uname(&names) == 0 ? static_cast<const char*>(names.nodename) : "";
}

}  // namespace carrel
