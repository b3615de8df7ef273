#include "workspace/site.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/world.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

Result<Observation> observe_one(Provider& provider, const MachineRef& machine, const Wait& wait) {
  auto answers = TRY(provider.observe({machine}, wait));
  if (answers.empty()) return Observation{.state = MachineState::unknown, .reason = "no answer"};
  return std::move(answers.front());
}

// Until the next look at a machine: the interrupt ends the wait, the deadline of `wait` too.
Result<> pause(Milliseconds duration, const Wait& wait) {
  auto waited = wait_for(-1, 0, wait.sooner(duration));
  const bool over = wait.deadline && SystemClock().now() >= *wait.deadline;
  if (!waited && (over || waited.error().reason == Reason::interrupted)) return waited;
  return {};
}

Result<> until_running(Provider& provider, const MachineRef& machine, Progress& progress,
                       const Wait& wait) {
  const auto poll = provider.facts().poll;
  bool asked_to_start = false;
  for (auto interval = poll.first;; interval = std::min(poll.cap, interval * 2)) {
    const auto seen = TRY(observe_one(provider, machine, wait));
    switch (seen.state) {
      case MachineState::running:
        return {};
      case MachineState::stopped:
        if (!asked_to_start) TRY(provider.start(machine, wait));
        asked_to_start = true;
        break;
      case MachineState::gone:
      case MachineState::none:
        return fail({.what = fmt::format("the machine {} is gone", machine.ref),
                     .why = seen.reason,
                     .hint = "the same command once more makes a new one",
                     .reason = Reason::not_found,
                     .trace = {}});
      case MachineState::pending:
      case MachineState::stopping:
      case MachineState::unknown:
        progress.detail(seen.reason);
        break;
    }
    TRY(pause(interval, wait));
  }
}

}  // namespace

Result<Provider*> provider_named(const World& world, std::string_view name) {
  if (const auto found = world.providers.find(std::string(name)); found != world.providers.end())
    return found->second;
  std::vector<std::string> known;
  for (const auto& [other, provider] : world.providers) known.push_back(other);
  return usage_error(fmt::format("there is no place called {}", printable(name)),
                     fmt::format("known: {}", join(known, ", ")));
}

Result<Site> make_site(const World& world, Journal& journal, const WorkspaceRow& row,
                       std::string_view provider_name, Progress& progress, const Wait& wait) {
  auto* provider = TRY(provider_named(world, provider_name));
  auto machine = TRY(journal.machine(row.id));
  if (machine && !machine->machine.ref.empty()) {
    auto* its_own = TRY(provider_named(world, machine->machine.provider));
    const auto seen = TRY(observe_one(*its_own, machine->machine, wait));
    if (seen.state == MachineState::gone) machine.reset();
  }
  // Another provider has never seen this machine: it would make a second one.
  if (machine && machine->machine.provider != provider->name()) {
    return usage_error(fmt::format("{} is on {}, not on {}", row.name.text(),
                                   machine->machine.provider, provider->name()),
                       fmt::format("carrel rm {} removes it there (never your folder); then carrel "
                                   "up makes it on {}",
                                   row.name.text(), provider->name()));
  }
  if (!machine)
    machine = TRY(journal.add_machine(row.id, hex(world.random.bytes(16)), provider->name()));
  if (machine->machine.ref.empty()) {
    auto offers = TRY(provider->offers({}, wait));
    const auto offer =
        std::ranges::find_if(offers, [](const Offer& one) { return one.blocked.empty(); });
    if (offer == offers.end()) {
      return fail({.what = fmt::format("no machine can be had on {}", provider->name()),
                   .why = offers.empty() ? std::string() : join(offers.front().blocked, "; "),
                   .hint = "carrel doctor says what is missing",
                   .exit = Exit::act,
                   .trace = {}});
    }
    const Intent intent{
        .token = machine->token, .workspace = row.id, .name = row.name, .offer = *offer};
    machine->machine = TRY(provider->create(intent, wait));
    TRY(journal.set_machine(row.id, machine->sequence, machine->machine));
  }
  TRY(until_running(*provider, machine->machine, progress, wait));
  auto channel = TRY(provider->channel(machine->machine, wait));
  return Site{.row = row,
              .machine = std::move(*machine),
              .provider = provider,
              .channel = std::move(channel),
              .paths = world.paths};
}

Result<Site> reach_site(const World& world, const WorkspaceRow& row, const MachineRow& machine,
                        const Wait& wait) {
  auto* provider = TRY(provider_named(world, machine.machine.provider));
  auto channel = TRY(provider->channel(machine.machine, wait));
  return Site{.row = row,
              .machine = machine,
              .provider = provider,
              .channel = std::move(channel),
              .paths = world.paths};
}

Result<Site> reach_site(const World& world, Journal& journal, const WorkspaceRow& row,
                        const Wait& wait) {
  const auto machine = TRY(journal.machine(row.id));
  if (!machine || machine->machine.ref.empty()) {
    return fail(
        {.what = fmt::format("{} has no machine yet: its first up was cut off", row.name.text()),
         .why = {},
         .hint = fmt::format("carrel start {} completes it", row.name.text()),
         .reason = Reason::not_found,
         .trace = {}});
  }
  return reach_site(world, row, *machine, wait);
}

}  // namespace carrel
