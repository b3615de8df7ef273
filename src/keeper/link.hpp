// The way to one machine: an ssh that is made again whenever it breaks, with a forward to the
// workspace's socket (docs/development/keeper.md). A thread of its own; every function may be
// called by any thread.
#pragma once

#include "base/error.hpp"
#include "keeper/address.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/companion.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace carrel {

class Link {
 public:
  struct View {
    LinkState state = LinkState::connecting;
    std::string why;  // it is not up
    std::string host;
    std::uint64_t number = 0;      // of this connection or the last, counted from 1
    std::filesystem::path stream;  // connect here; empty: it is not up
    Instant proven{};              // the machine has answered a ping sent then
    bool is(std::uint64_t one) const { return number == one && !stream.empty(); }
  };

  // `environment` is ssh's, `folder` (0700) the link's alone. `on_change` is called by the link's
  // thread when the view has changed.
  Link(Random& random, Environment environment, KeptWorkspace workspace,
       std::filesystem::path folder, std::function<void()> on_change);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  Link(Link&&) = delete;
  Link& operator=(Link&&) = delete;

  View view() const;
  // Somebody waits for a View with `proven` not before this; none: nobody waits.
  void want(std::optional<Instant> proven);
  // The machine is reached otherwise from now on.
  void change(KeptWorkspace workspace);

 private:
  struct Ping {
    std::string line;
    Instant sent;
    Instant deadline;  // no answer until then: the link is broken
  };
  void work();
  void take_changes();
  bool somebody_waits() const;
  void connect(Instant now);
  Result<ProcessSpec> ssh_spec() const;
  void ask_address(Instant now);
  void ping(Instant now, Instant deadline);
  void sleep_until_something(Instant now);
  void read_ssh();
  void read_answer();
  void take_address(const MachineAddress& address);
  void broken(const Error& error);
  void publish();
  Instant retry_at() const;

  Random& random_;
  const Environment environment_;
  const std::filesystem::path folder_;
  const std::function<void()> on_change_;
  SystemClock clock_;

  mutable std::mutex mutex_;  // the next four
  View view_;
  std::optional<Instant> wanted_;
  std::optional<KeptWorkspace> next_;
  std::atomic<bool> ending_ = false;
  Interrupt wake_;

  // the thread's own
  KeptWorkspace workspace_;
  std::optional<Companion> ssh_;
  std::filesystem::path stream_;
  bool up_ = false;
  std::uint64_t number_ = 0;
  std::string heard_;  // an unfinished line of the machine
  std::string words_;  // the last that ssh said
  std::optional<Ping> ping_;
  Instant proven_{};
  int failures_ = 0;
  bool refused_ = false;  // haste does not help
  Instant broken_at_{};
  std::string why_;
  std::optional<Companion> asking_;
  std::string answer_;
  std::optional<Instant> asked_at_;
  bool nowhere_ = false;
  WallTime slept_at_;  // for noticing a pause of the computer
  std::thread thread_;
};

}  // namespace carrel
