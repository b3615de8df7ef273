// How long a blocking call may take, and what ends it early. Every call that can block takes a
// Wait.
//
// Interrupt: Ctrl-C (SIGINT) or SIGTERM as a readable descriptor, so that every poll(2) can include
// it. The program has one, made by main; tests make their own and raise it. Thread-safe. `clear`
// lets a second Ctrl-C mean something new.
#pragma once

#include "base/error.hpp"
#include "os/clock.hpp"

#include <memory>
#include <optional>

namespace carrel {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  // SIGINT, SIGTERM and SIGHUP of this process go here from now on; once, from main. A SIGHUP that
  // is ignored (nohup) stays so.
  void catch_signals();
  void raise();
  void clear();
  bool raised() const;
  int descriptor() const { return read_end_; }

 private:
  int read_end_ = -1;
  int write_end_ = -1;
};

struct Wait {
  std::optional<Instant> deadline;       // none: as long as it takes
  const Interrupt* interrupt = nullptr;  // none: cannot be interrupted
  static Wait at_most(Milliseconds duration, const Interrupt* interrupt = nullptr);
  Wait sooner(Milliseconds duration) const;  // the earlier of this deadline and now + duration
};

// poll(2) on one descriptor within `wait`: Reason::timed_out or Reason::interrupted otherwise.
// `events`: POLLIN, POLLOUT. A negative descriptor is never ready: that is how to pause.
Result<> wait_for(int descriptor, short events, const Wait& wait);

}  // namespace carrel
