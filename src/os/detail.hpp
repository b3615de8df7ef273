// What the files of os/ share and nobody else includes: an owner of a descriptor, reading and
// writing that survive EINTR and closed pipes, timeouts for poll(2).
#pragma once

#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <optional>
#include <signal.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace carrel {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  void close();

 private:
  int number_ = -1;
};

// Both ends close-on-exec and above 2, so that they never collide with the standard descriptors of
// a child.
struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};
Result<Pipe> make_pipe();

// While it lives, a write of this thread to a closed pipe gives EPIPE and no signal.
class NoSigpipe {
 public:
  NoSigpipe();
  ~NoSigpipe();
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  NoSigpipe(NoSigpipe&&) = delete;
  NoSigpipe& operator=(NoSigpipe&&) = delete;

 private:
  sigset_t before_{};
  bool was_pending_ = false;
};

// 0, or the number of the error. Waits where the descriptor is non-blocking.
int write_all(int descriptor, std::string_view bytes);
// To the end of the stream; appends what came before an error, too.
Result<std::string> read_all(int descriptor, std::string_view name);

// Nothing else to do meanwhile. Reason::interrupted is the only error: the pause's own end and the
// deadline are for the caller.
Result<> pause_for(Milliseconds duration, const Wait& wait);
// For poll(2): milliseconds rounded up, -1 for no deadline.
int poll_timeout(const std::optional<Instant>& deadline);

Error timed_out();
Error interrupted();

}  // namespace carrel
