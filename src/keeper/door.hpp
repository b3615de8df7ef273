// A kept workspace: its local port, the connections to it, and the link to its machine. Everything
// ends with the object. Threads: one of its own for all bytes, and the link's.
#pragma once

#include "base/error.hpp"
#include "keeper/link.hpp"
#include "keeper/pair.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/listener.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

namespace carrel {

class Door {
 public:
  // `folder` (0700) is this door's alone. The port is open when this returns; Reason::busy when it
  // is taken.
  static Result<std::unique_ptr<Door>> open(Random& random, const Environment& environment,
                                            const KeptWorkspace& workspace,
                                            const std::filesystem::path& folder);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  Door(Door&&) = delete;
  Door& operator=(Door&&) = delete;

  // The same workspace told again. Another port is an error: it never changes.
  Result<> keep(const KeptWorkspace& workspace);
  // Its machine was stopped: the link is let go and nobody is asked for an address; the port stays,
  // and connections are held until it is told again.
  void rest();
  bool resting() const { return resting_; }
  const KeptWorkspace& workspace() const { return workspace_; }
  KeptState state() const;

 private:
  Door(Random& random, const Environment& environment, const KeptWorkspace& workspace,
       const std::filesystem::path& folder, std::vector<Listener> listeners);
  void work();
  void watch(std::vector<pollfd>& watched, Instant now) const;
  int pause(Instant now) const;
  void accept(const Listener& listener, Instant now);
  void look(Instant now);

  KeptWorkspace workspace_;
  bool resting_ = false;
  std::vector<Listener> listeners_;
  std::vector<Pair> pairs_;  // the thread's own
  std::atomic<std::size_t> held_ = 0;
  std::atomic<std::size_t> open_ = 0;
  std::atomic<bool> ending_ = false;
  Instant accept_after_{};
  Interrupt wake_;
  SystemClock clock_;
  Link link_;
  std::thread thread_;
};

}  // namespace carrel
