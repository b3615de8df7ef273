#include "os/wait.hpp"

#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <system_error>
#include <unistd.h>

namespace carrel {
namespace {

// A signal handler can reach nothing else than a static.
std::atomic<int> signals_go_to = -1;
static_assert(std::atomic<int>::is_always_lock_free);

constexpr std::array caught = {SIGINT, SIGTERM, SIGHUP};

extern "C" void on_signal(int /*signal*/) {
  const int error_before = errno;
  const int descriptor = signals_go_to.load();
  // a full pipe is already readable
  [[maybe_unused]] const ssize_t written = descriptor >= 0 ? ::write(descriptor, "s", 1) : 0;
  errno = error_before;
}

}  // namespace

Interrupt::Interrupt() {
  auto pipe = make_pipe();
  // Only with no descriptors left at all, when nothing else would work either.
  if (!pipe) throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  read_end_ = pipe->read_end.release();
  write_end_ = pipe->write_end.release();
  ::fcntl(read_end_, F_SETFL, O_NONBLOCK);
  ::fcntl(write_end_, F_SETFL, O_NONBLOCK);
}

Interrupt::~Interrupt() {
  if (signals_go_to.load() == write_end_) {
    for (const int signal : caught) ::signal(signal, SIG_DFL);
    signals_go_to = -1;
  }
  ::close(read_end_);
  ::close(write_end_);
}

void Interrupt::catch_signals() {
  signals_go_to = write_end_;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : caught) {
    struct sigaction before{};
    // nohup: a hangup that is ignored stays ignored
    ::sigaction(signal, nullptr, &before);
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &action, nullptr);
  }
}

void Interrupt::raise() {
  while (::write(write_end_, "r", 1) < 0 && errno == EINTR) {
  }
}

void Interrupt::clear() {
  std::array<char, 512> drained{};
  while (true) {
    const ssize_t got = ::read(read_end_, drained.data(), drained.size());
    if (got == 0 || (got < 0 && errno != EINTR)) return;
  }
}

bool Interrupt::raised() const {
  pollfd readable{.fd = read_end_, .events = POLLIN, .revents = 0};
  return ::poll(&readable, 1, 0) > 0;
}

Wait Wait::at_most(Milliseconds duration, const Interrupt* interrupt) {
  return Wait{.deadline = std::nullopt, .interrupt = interrupt}.sooner(duration);
}

Wait Wait::sooner(Milliseconds duration) const {
  const Instant now = SystemClock().now();
  // Milliseconds::max() means "for ever", not a deadline that has wrapped around
  const bool for_ever = duration > std::chrono::duration_cast<Milliseconds>(Instant::max() - now);
  if (for_ever) return *this;
  const Instant end = now + duration;
  return {.deadline = deadline ? std::min(*deadline, end) : end, .interrupt = interrupt};
}

Result<> pause_for(Milliseconds duration, const Wait& wait) {
  auto waited = wait_for(-1, 0, wait.sooner(duration));
  return !waited && waited.error().reason == Reason::timed_out ? Result<>{} : waited;
}

Result<> wait_for(int descriptor, short events, const Wait& wait) {
  while (true) {
    // poll ignores negative descriptors
    std::array<pollfd, 2> watched = {
        pollfd{.fd = descriptor, .events = events, .revents = 0},
        pollfd{.fd = wait.interrupt != nullptr ? wait.interrupt->descriptor() : -1,
               .events = POLLIN,
               .revents = 0}};
    const int ready = ::poll(watched.data(), watched.size(), poll_timeout(wait.deadline));
    if (ready < 0 && errno != EINTR) return fail(system_error("cannot wait", errno));
    if (ready < 0) continue;
    // first, so that a stream that never pauses can be interrupted
    if (watched[1].revents != 0) return fail(interrupted());
    if ((watched[0].revents & POLLNVAL) != 0) return fail(system_error("cannot wait", EBADF));
    if (watched[0].revents != 0) return {};
    if (wait.deadline && SystemClock().now() >= *wait.deadline) return fail(timed_out());
  }
}

}  // namespace carrel
