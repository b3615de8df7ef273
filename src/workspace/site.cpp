#include "workspace/site.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "workspace/intent.hpp"
#include "workspace/journal.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"
#include "workspace/world.hpp"

#include <algorithm>
#include <charconv>
#include <expected>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
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

Result<MachineRow> got(Journal& journal, const WorkspaceRow& row, MachineRow machine,
                       MachineRef made) {
  TRY(journal.set_machine(row.id, machine.sequence, made));
  machine.machine = std::move(made);
  return machine;
}

// The answer to an earlier request was lost: the same token for the same thing. None: there is
// nothing of this kind there, now, and nothing was made.
// `from`: what is said now of whom it lets in; "": as it was asked for.
Result<std::optional<MachineRow>> ask_again(Journal& journal, const WorkspaceRow& row,
                                            Provider& provider, MachineRow machine,
                                            const std::string& from, const Wait& wait) {
  auto asked = TRY(read_asked(machine.asked));
  if (!from.empty()) asked.hardware.from = from;
  auto made = provider.create({.token = machine.token,
                               .workspace = row.id,
                               .name = row.name,
                               .offer = asked.offer,
                               .hardware = asked.hardware},
                              wait);
  if (!made && made.error().reason == Reason::no_capacity) return std::nullopt;
  return TRY(got(journal, row, std::move(machine), TRY(std::move(made))));
}

Error nothing_to_have(const Provider& provider, const std::vector<Offer>& offers) {
  return {.what = fmt::format("no machine can be had on {}", provider.name()),
          .why = offers.empty() ? std::string() : join(offers.front().blocked, "; "),
          .hint = fmt::format("carrel doctor --on {} says it line by line", provider.name()),
          .exit = Exit::act,
          .trace = {}};
}

// One offer after the other, until there is a machine. Each attempt has a token of its own, which
// is written down first.
Result<MachineRow> new_machine(const World& world, Journal& journal, const WorkspaceRow& row,
                               Provider& provider, const MachineWish& wish, Progress& progress,
                               const Wait& wait) {
  if (provider.facts().costs_money && !wish.plan) {
    return fail({.what = fmt::format("{} needs a new machine, which costs money", row.name.text()),
                 .hint = fmt::format("carrel up {} shows what, and asks", shell_quoted(row.folder)),
                 .exit = Exit::act});
  }
  const auto plan = wish.plan ? *wish.plan : TRY(plan_for(provider, wish.hardware, wait));
  Error last;
  for (const auto& offer : plan.offers) {
    const auto token = hex(world.random.bytes(16));
    const auto asked = provider.facts().costs_money
                           ? asked_json({.offer = offer, .hardware = wish.hardware})
                           : std::string();
    auto machine = TRY(journal.add_machine(row.id, token, provider.name(), asked));
    auto made = provider.create({.token = token,
                                 .workspace = row.id,
                                 .name = row.name,
                                 .offer = offer,
                                 .hardware = wish.hardware},
                                wait);
    if (made) return got(journal, row, std::move(machine), std::move(*made));
    if (made.error().reason != Reason::no_capacity) return std::unexpected(made.error());
    last = std::move(made).error();
    progress.note(fmt::format("{}: {}", offer.zone, last.why.empty() ? last.what : last.why));
  }
  return fail(std::move(last));
}

// Where things lie on a machine that is not this computer.
struct There {
  std::filesystem::path home;
  std::string login;
  WorkspacePaths paths;
};
Result<There> places_there(Channel& channel, const Wait& wait) {
  const auto ran =
      TRY(channel.run({.argv = {"sh", "-c", "printf '%s\\n' \"$HOME\"; id -u; id -un"}}, wait));
  const auto lines = lines_of(ran.output);
  unsigned uid = 0;
  const bool whole =
      lines.size() == 3 && lines[0].starts_with('/') &&
      std::from_chars(lines[1].data(), lines[1].data() + lines[1].size(), uid).ec == std::errc{};
  if (ran.status != 0 || !whole) {
    return fail({.what = "the machine does not say where its home folder is",
                 .why = printable(last_lines(ran.error + ran.output, 5))});
  }
  return There{.home = lines[0],
               .login = lines[2],
               .paths = TRY(WorkspacePaths::from({{"HOME", lines[0]}}, uid))};
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

Result<Plan> plan_for(Provider& provider, const Hardware& hardware, const Wait& wait) {
  const auto offers = TRY(provider.offers(hardware, wait));
  Plan plan{.offers = {}, .hardware = hardware};
  std::ranges::copy_if(offers, std::back_inserter(plan.offers),
                       [](const Offer& one) { return one.blocked.empty(); });
  if (plan.offers.empty()) return fail(nothing_to_have(provider, offers));
  return plan;
}

Result<Site> make_site(const World& world, Journal& journal, const WorkspaceRow& row,
                       const MachineWish& wish, Progress& progress, const Wait& wait) {
  auto* provider = TRY(provider_named(world, wish.provider));
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
  if (machine && machine->machine.ref.empty()) {
    machine =
        TRY(ask_again(journal, row, *provider, std::move(*machine), wish.hardware.from, wait));
  }
  if (!machine) machine = TRY(new_machine(world, journal, row, *provider, wish, progress, wait));
  TRY(until_running(*provider, machine->machine, progress, wait));
  if (!wish.accept_host_key.empty()) {
    TRY(provider->accept_host_key(machine->machine, wish.accept_host_key, wait));
  }
  return reach_site(world, row, *machine, wait);
}

Result<Site> reach_site(const World& world, const WorkspaceRow& row, const MachineRow& machine,
                        const Wait& wait) {
  auto* provider = TRY(provider_named(world, machine.machine.provider));
  return site_over(world, row, machine, TRY(provider->channel(machine.machine, wait)), wait);
}

Result<Site> site_over(const World& world, const WorkspaceRow& row, const MachineRow& machine,
                       std::unique_ptr<Channel> channel, const Wait& wait) {
  Site site{.row = row,
            .machine = machine,
            .provider = TRY(provider_named(world, machine.machine.provider)),
            .channel = std::move(channel),
            .paths = world.paths,
            .folder = row.folder};
  if (site.is_here()) return site;
  auto there = TRY(places_there(*site.channel, wait));
  site.paths = std::move(there.paths);
  site.login = std::move(there.login);
  site.folder = there.home / std::filesystem::path(row.folder).filename();
  return site;
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
