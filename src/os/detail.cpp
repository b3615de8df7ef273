#include "os/detail.hpp"

#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <limits>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace carrel {

void Descriptor::close() {
  // Linux has closed it even when it says EINTR
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(system_error("cannot make a pipe", errno));
  }
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  for (Descriptor* end : {&pipe.read_end, &pipe.write_end}) {
    if (end->get() > 2) continue;
    Descriptor moved(::fcntl(end->get(), F_DUPFD_CLOEXEC, 3));
    if (!moved) return fail(system_error("cannot make a pipe", errno));
    *end = std::move(moved);
  }
  return pipe;
}

NoSigpipe::NoSigpipe() {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  sigset_t pending;
  sigpending(&pending);
  was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &sigpipe, &before_);
}

NoSigpipe::~NoSigpipe() {
  sigset_t pending;
  sigpending(&pending);
  if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) {
    sigset_t sigpipe;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    int signal = 0;
    sigwait(&sigpipe, &signal);
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int write_all(int descriptor, std::string_view bytes) {
  const NoSigpipe no_sigpipe;
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd writable{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

Result<std::string> read_all(int descriptor, std::string_view name) {
  std::string bytes;
  constexpr std::size_t step = 65536;
  while (true) {
    const std::size_t had = bytes.size();
    bytes.resize(had + step);
    const ssize_t got = ::read(descriptor, bytes.data() + had, step);
    const int error = errno;
    bytes.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) return bytes;
    if (got > 0 || error == EINTR) continue;
    if (error != EAGAIN) return fail(system_error("cannot read " + std::string(name), error));
    pollfd readable{.fd = descriptor, .events = POLLIN, .revents = 0};
    ::poll(&readable, 1, -1);
  }
}

int poll_timeout(const std::optional<Instant>& deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<Milliseconds>(*deadline - SystemClock().now()).count();
  return static_cast<int>(std::clamp<Milliseconds::rep>(left, 0, std::numeric_limits<int>::max()));
}

Error timed_out() {
  return {.what = "the time allowed for this is over",
          .why = {},
          .hint = {},
          .reason = Reason::timed_out,
          .trace = {}};
}

Error interrupted() {
  return {.what = "interrupted",
          .why = {},
          .hint = {},
          .exit = Exit::interrupted,
          .reason = Reason::interrupted,
          .trace = {}};
}

}  // namespace carrel
