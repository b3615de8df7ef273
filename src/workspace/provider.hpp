// A provider hands out machines and nothing else: `local` (this computer), later `ec2`, `ssh`,
// `slurm`. Jupyter, environments, files and the proof are the workspace's, over the machine's
// channel, the same code for all of them. A provider that needs an exception gets a field in Facts,
// not an `if` above.
//
// Contract (tests/unit/workspace/provider_contract.hpp runs it against every provider and against a
// bad one):
// - `create` is idempotent by the intent's token, which the caller has journalled before the call;
// it never waits.
// - `observe` is one question for all machines of this provider; one machine's failure is never the
// others'. What could not be
//   asked is `unknown`, with the last answer and its age: it never means gone.
// - `start`, `stop`, `remove` are requests, idempotent, also on a machine that is gone; their
// outcome is seen by `observe`.
// - No function keeps state that the journal would need; a provider object may be thrown away and
// made anew at any time. Threads: one caller at a time per object.
#pragma once

#include "base/error.hpp"
#include "base/money.hpp"
#include "base/names.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_target.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "workspace/check.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

// A machine as a value. `ref` is the provider's own: an instance id, a job id; opaque to everybody
// else.
struct MachineRef {
  std::string provider;
  std::string place;  // a region, a host, a cluster; "this computer" for local
  std::string ref;
  auto operator<=>(const MachineRef&) const = default;
};

// What is wanted of a machine. Empty values leave it to the provider; one that cannot follow a wish
// says so in Offer::blocked.
struct Hardware {
  std::string gpu;      // "T4": any type with `gpu_count` of them
  int gpu_count = 1;    // of `gpu`
  std::string type;     // an instance type, a partition; in place of `gpu`
  std::string region;   // "": as the place's own tools have it
  std::string image;    // an id or a name; "": the newest that fits
  std::string profile;  // whose credentials; "": as the place's own tools have it
  std::string from;     // the network that is let in; "": this computer's address, wherever it is
  std::string user;     // who logs in; "": as the image says, else the machine
  int disk_gib = 100;
  std::chrono::seconds lifetime = std::chrono::hours(12);  // from each start
};

struct Offer {
  std::string place;
  std::string zone;                  // "" where there is none
  std::string type;                  // an instance type, a partition; "" where there is one
  std::string market;                // "on-demand", "spot"; "" where nothing is paid
  Money per_hour;                    // running
  bool price_known = true;           // false: nobody says what it costs; the two sums are too low
  Money per_day_stopped;             // disk and addresses that go on costing
  std::vector<std::string> blocked;  // what stands in the way; empty: can be tried
  std::optional<Milliseconds> age;   // of cached answers
};

struct Intent {
  std::string token;  // idempotency: the same token never makes a second machine
  WorkspaceId workspace;
  WorkspaceName name;
  Offer offer;  // one of `offers`
  Hardware hardware = {};
};

enum class MachineState { none, pending, running, stopping, stopped, gone, unknown };

struct Observation {
  MachineState state = MachineState::unknown;
  std::string reason;  // of pending: "waiting for capacity"; of unknown: why it could not be asked
  std::optional<int> place_in_queue;   // of pending
  std::vector<std::string> addresses;  // of running
  std::optional<WallTime> since;
  Money cost_per_day;                      // of stopped
  std::optional<MachineState> last_known;  // of unknown
  std::optional<Milliseconds> last_known_age;
};

// A machine that Carrel made and that another computer knows. The texts are tags, which anybody
// with the account may have written: any of them may be "" or wrong.
struct MadeElsewhere {
  MachineRef machine;
  std::string workspace;  // its id
  std::string name;       // the workspace's
  std::string computer;
  std::string owner;
  Observation seen;
};

// Where machines are looked for: in the places of those that are asked about; also in that which
// the person's tools are set to.
enum class Places { of_these, usual_too };

struct Listing {
  std::vector<Observation> seen;  // of those that were asked about, in their order
  std::vector<MadeElsewhere> elsewhere = {};
  std::vector<Error> unasked = {};  // a place that could not be asked, each
};

enum class StopHow { gracefully, at_once };
enum class Keep { nothing, disk };

// What kind of place it is, as values for the code above.
struct ProviderFacts {
  enum class Continuity { same_machine, same_disk, folder_only };
  enum class Supervisor { systemd, process_group, job };
  Continuity continuity = Continuity::same_machine;
  Supervisor supervisor = Supervisor::process_group;
  bool root = false;
  bool costs_money = false;
  bool this_computer =
      false;  // its network addresses are ours: Jupyter itself listens on the person's port
  bool shared_with_others = false;
  std::optional<Milliseconds> wall_time;
  struct Poll {
    Milliseconds first{0};
    Milliseconds cap{0};
    std::size_t batch = 100;
  } poll;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string name() const = 0;
  virtual ProviderFacts facts() const = 0;
  // In the order in which they should be tried; no side effect.
  virtual Result<std::vector<Offer>> offers(const Hardware& hardware, const Wait& wait) = 0;
  // Reason::no_capacity: nothing was made, and another offer may do; its intent needs a new token.
  // What a launch of this needs and what of it is there, a line each; no side effect. What is
  // missing stands in the way in `offers` too. A provider without any needs nothing.
  virtual Result<std::vector<Check>> checks(const Hardware& /*hardware*/, const Wait& /*wait*/) {
    return std::vector<Check>{};
  }
  // Whether it is known whom a new machine would let in: `from`, or where this computer is.
  // Exit::act: only the person can say it. No side effect.
  virtual Result<> check_from(const Hardware& /*hardware*/, const Wait& /*wait*/) { return {}; }
  virtual Result<MachineRef> create(const Intent& intent, const Wait& wait) = 0;
  // What a create with this token made, when its answer was lost; none: nothing. Makes nothing
  // itself.
  virtual Result<std::optional<MachineRef>> find(const std::string& token, const Wait& wait) = 0;
  // One answer for each machine, in the same order.
  virtual Result<std::vector<Observation>> observe(const std::vector<MachineRef>& machines,
                                                   const Wait& wait) = 0;
  // `observe`, and with the same questions what else Carrel has made there.
  virtual Result<Listing> list(const std::vector<MachineRef>& machines, Places /*places*/,
                               const Wait& wait) {
    return Listing{.seen = TRY(observe(machines, wait))};
  }
  virtual Result<> start(const MachineRef& machine, const Wait& wait) = 0;
  // Many at once, in as few requests as can be. An error: not all of them were asked; which, their
  // own `start` tells.
  virtual Result<> start_all(const std::vector<MachineRef>& machines, const Wait& wait) {
    for (const auto& machine : machines) TRY(start(machine, wait));
    return {};
  }
  virtual Result<> stop(const MachineRef& machine, StopHow how, const Wait& wait) = 0;
  virtual Result<> remove(const MachineRef& machine, Keep keep, const Wait& wait) = 0;
  // Reason::unverified: nobody vouches for its host key (Exit::act: `accept_host_key` helps), or it
  // is another than it should be (Exit::failed).
  virtual Result<std::unique_ptr<Channel>> channel(const MachineRef& machine, const Wait& wait) = 0;
  // The same to a machine that was seen running just now, for a short question: connects to nothing
  // and waits for nothing where that can be. Reason::unverified: nothing is known yet by which the
  // machine could be told from another.
  virtual Result<std::unique_ptr<Channel>> channel_as_seen(const MachineRef& machine,
                                                           const Observation& /*seen*/,
                                                           const Wait& wait) {
    return channel(machine, wait);
  }
  // How ssh gets to a verified machine, but for its address; nobody is asked. None: it is not
  // verified yet, or not reached by ssh.
  virtual std::optional<SshTarget> way(const MachineRef& /*machine*/) const { return std::nullopt; }

  // The fingerprint of the host key that the machine shows now, whoever it is.
  virtual Result<std::string> host_key(const MachineRef& /*machine*/, const Wait& /*wait*/) {
    return usage_error(name() + " verifies no host keys");
  }
  // The person vouches for this fingerprint: from now on it is the machine's. Another one is shown:
  // Reason::unverified, Exit::failed.
  virtual Result<> accept_host_key(const MachineRef& /*machine*/,
                                   const std::string& /*fingerprint*/, const Wait& /*wait*/) {
    return usage_error(name() + " verifies no host keys");
  }
  // A TCP port of the machine is let in from where ssh to it is, and follows this computer as that
  // does; `close_port` ends it, for all machines of the place that share one door. Where nothing of
  // the place's own stands before its machines there is nothing to do.
  virtual Result<> open_port(const MachineRef& /*machine*/, std::uint16_t /*port*/,
                             const Wait& /*wait*/) {
    return {};
  }
  virtual Result<> close_port(const MachineRef& /*machine*/, std::uint16_t /*port*/,
                              const Wait& /*wait*/) {
    return {};
  }
  // What its console has shown since it was started last, machine output; of one that is stopped,
  // too. For people.
  virtual Result<std::string> console(const MachineRef& /*machine*/, const Wait& /*wait*/) {
    return usage_error(name() + " shows no console");
  }

  // What the last calls have opened or closed and the person should read; each is told once.
  virtual std::vector<std::string> notes() { return {}; }
  // Long waits inside of calls are told to this as they begin: for what, in words. One at a time,
  // maybe from a thread of the call's own. Empty: nobody listens.
  virtual void tell_waits(const std::function<void(std::string_view)>& /*tell*/) {}
};

// The providers that main made, by name.
using Providers = std::map<std::string, Provider*>;

}  // namespace carrel
