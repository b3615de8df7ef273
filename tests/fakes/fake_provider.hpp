// A provider whose place exists in memory and misbehaves as a test wants: it is slow, does not
// answer, dies at a call before or after acting, forgets machines. FakePlace is the truth and
// outlives the providers that speak to it, as a cloud outlives a command.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_target.hpp"
#include "fakes/fake_channel.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "workspace/provider.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {

struct FakePlace {
  struct Machine {
    std::string token;
    MachineState state = MachineState::running;
    MachineState next = MachineState::running;  // after `looks_left` more looks
    int looks_left = 0;
    WallTime since;
    FakeMachine inside = {};
    std::optional<MachineState> last_seen = std::nullopt;  // what `observe` answered, and when
    Instant last_seen_at = {};
  };

  // What it is like: set at any time.
  int slow_looks = 0;  // how often a change is looked at before it is done
  bool this_computer = false;
  bool silent = false;                        // `observe` can say nothing of any machine
  std::vector<std::string> silent_refs;       // or of these
  std::vector<std::string> blocked;           // what stands in the way of every offer
  std::vector<MadeElsewhere> elsewhere = {};  // seen by whoever lists a place of theirs
  std::vector<Error> unasked = {};            // what the usual place answers to a list
  // The call with this number (from 0, over all providers of this place) fails...
  std::optional<std::size_t> dies_at = std::nullopt;
  bool dies_after_acting = false;  // ... and what it did is done: only the answer is lost

  // What has happened.
  std::map<std::string, Machine> machines = {};  // by ref; what is removed is not here
  std::vector<std::string> calls = {};           // names, in order
  std::map<std::string, SshTarget> ways = {};    // by ref: those that ssh reaches
  int made = 0;

  void forget_all() { machines.clear(); }
};

class FakeProvider final : public Provider {
 public:
  FakeProvider(FakePlace& place, const Clock& clock, std::string name = "fake")
      : place_(place), clock_(clock), name_(std::move(name)) {}

  std::string name() const override { return name_; }
  ProviderFacts facts() const override {
    return {.costs_money = true,
            .this_computer = place_.this_computer,
            .poll = {.first = Milliseconds(1), .cap = Milliseconds(1)}};
  }

  Result<std::vector<Offer>> offers(const Hardware& /*hardware*/, const Wait& /*wait*/) override {
    return call("offers", [&]() -> Result<std::vector<Offer>> {
      return std::vector<Offer>{{.place = "memory", .blocked = place_.blocked}};
    });
  }

  Result<MachineRef> create(const Intent& intent, const Wait& /*wait*/) override {
    return call("create", [&]() -> Result<MachineRef> {
      if (intent.token.empty()) return fail({.what = "no token", .trace = {}});
      for (const auto& [ref, machine] : place_.machines) {
        if (machine.token == intent.token) return ref_of(ref);
      }
      const auto ref = fmt::format("m-{}", ++place_.made);
      auto& machine = place_.machines[ref];
      machine.token = intent.token;
      change(machine, MachineState::pending, MachineState::running);
      return ref_of(ref);
    });
  }

  Result<std::optional<MachineRef>> find(const std::string& token, const Wait& /*wait*/) override {
    return call("find", [&]() -> Result<std::optional<MachineRef>> {
      for (const auto& [ref, machine] : place_.machines) {
        if (machine.token == token) return ref_of(ref);
      }
      return std::nullopt;
    });
  }

  Result<std::vector<Observation>> observe(const std::vector<MachineRef>& machines,
                                           const Wait& /*wait*/) override {
    return call("observe", [&]() -> Result<std::vector<Observation>> {
      std::vector<Observation> answers;
      for (const auto& machine : machines) answers.push_back(look_at(machine.ref));
      return answers;
    });
  }

  Result<Listing> list(const std::vector<MachineRef>& machines, Places places,
                       const Wait& wait) override {
    Listing listing{.seen = TRY(observe(machines, wait)), .elsewhere = {}, .unasked = {}};
    const bool usual = places == Places::usual_too;
    if (usual || !machines.empty()) listing.elsewhere = place_.elsewhere;
    if (usual) listing.unasked = place_.unasked;
    return listing;
  }

  Result<> start(const MachineRef& machine, const Wait& /*wait*/) override {
    return request("start", machine, MachineState::pending, MachineState::running);
  }
  Result<> stop(const MachineRef& machine, StopHow /*how*/, const Wait& /*wait*/) override {
    return request("stop", machine, MachineState::stopping, MachineState::stopped);
  }
  Result<> remove(const MachineRef& machine, Keep /*keep*/, const Wait& /*wait*/) override {
    return call("remove", [&]() -> Result<> {
      place_.machines.erase(machine.ref);
      return {};
    });
  }

  Result<std::unique_ptr<Channel>> channel(const MachineRef& machine,
                                           const Wait& /*wait*/) override {
    return call("channel", [&]() -> Result<std::unique_ptr<Channel>> {
      const auto found = place_.machines.find(machine.ref);
      if (found == place_.machines.end() || found->second.state != MachineState::running) {
        return fail({.what = fmt::format("{} does not answer", machine.ref),
                     .why = {},
                     .hint = {},
                     .reason = Reason::unreachable,
                     .trace = {}});
      }
      // asked by whoever arrives
      found->second.inside.commands.when(
          {"sh", "-c"},
          ProcessResult{.status = 0, .output = "/home/fake\n1000\nfake\n", .error = ""});
      return std::make_unique<FakeChannel>(found->second.inside);
    });
  }

  std::optional<SshTarget> way(const MachineRef& machine) const override {
    const auto found = place_.ways.find(machine.ref);
    return found == place_.ways.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  MachineRef ref_of(std::string ref) const {
    return {.provider = name_, .place = "memory", .ref = std::move(ref)};
  }

  // Every call goes through here: it is counted, and dies if it is its turn.
  template <class Act>
  auto call(std::string name, Act act) -> decltype(act()) {
    const bool dies = place_.dies_at == place_.calls.size();
    place_.calls.push_back(std::move(name));
    if (dies && !place_.dies_after_acting) return fail(died());
    auto answer = act();
    if (dies) return fail(died());
    return answer;
  }
  static Error died() {
    return {.what = "the place did not answer",
            .why = "connection reset",
            .hint = {},
            .reason = Reason::unreachable,
            .trace = {}};
  }

  void change(FakePlace::Machine& machine, MachineState on_the_way, MachineState next) const {
    machine.next = next;
    machine.looks_left = place_.slow_looks;
    machine.state = place_.slow_looks > 0 ? on_the_way : next;
    machine.since = clock_.wall();
  }

  Result<> request(std::string name, const MachineRef& machine, MachineState on_the_way,
                   MachineState next) {
    return call(std::move(name), [&]() -> Result<> {
      const auto found = place_.machines.find(machine.ref);
      if (found != place_.machines.end() && found->second.next != next) {
        change(found->second, on_the_way, next);
      }
      return {};
    });
  }

  Observation look_at(const std::string& ref) {
    const auto found = place_.machines.find(ref);
    bool silent = place_.silent;
    for (const auto& one : place_.silent_refs) silent = silent || one == ref;
    if (silent) {
      Observation unknown{.state = MachineState::unknown, .reason = "the place does not answer"};
      if (found != place_.machines.end() && found->second.last_seen) {
        unknown.last_known = found->second.last_seen;
        unknown.last_known_age =
            std::chrono::duration_cast<Milliseconds>(clock_.now() - found->second.last_seen_at);
      }
      return unknown;
    }
    if (found == place_.machines.end()) return {.state = MachineState::gone};
    auto& machine = found->second;
    if (machine.state != machine.next && machine.looks_left-- <= 0) machine.state = machine.next;
    machine.last_seen = machine.state;
    machine.last_seen_at = clock_.now();
    Observation seen{.state = machine.state, .since = machine.since};
    if (machine.state == MachineState::running) seen.addresses = {"192.0.2.1"};
    if (machine.state == MachineState::pending) seen.reason = "waiting for capacity";
    return seen;
  }

  FakePlace& place_;
  const Clock& clock_;
  std::string name_;
};

}  // namespace carrel
