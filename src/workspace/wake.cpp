// The machines of many workspaces, started together.
#include "base/error.hpp"
#include "base/progress.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/reach.hpp"
#include "workspace/waits_told.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr auto patience = std::chrono::minutes(5);

struct Sleeper {
  WorkspaceRow row;
  MachineRef machine;
};

std::vector<MachineRef> machines_of(const std::vector<Sleeper>& sleepers) {
  std::vector<MachineRef> machines;
  machines.reserve(sleepers.size());
  for (const auto& one : sleepers) machines.push_back(one.machine);
  return machines;
}

bool is_interrupted(const auto& result) {
  return !result && result.error().reason == Reason::interrupted;
}

// What the workspace's own start looks at before it starts the machine, which costs money.
bool may_start(const World& world, Journal& journal, const WorkspaceRow& row, const Wait& wait) {
  if (!is_folder(row.folder)) return false;
  const auto server = journal.server(row.id);
  const auto ports = ports_for(world, journal, row.id, false, wait);
  return server && ports && choose_port(0, *server ? (*server)->port : 0, *ports);
}

// Those that another command is busy with, or has changed meanwhile, are left to their own start.
Result<std::vector<FileLock>> lock_free_ones(const World& world, Journal& journal,
                                             std::vector<Sleeper>& sleepers, const Wait& wait) {
  std::vector<FileLock> locks;
  std::vector<Sleeper> locked;
  for (auto& one : sleepers) {
    const auto path = world.paths.lock_of(one.row.id);
    TRY(make_private_folder(path.parent_path()));
    auto lock = FileLock::acquire(path, Wait::at_most(Milliseconds(0)));
    if (!lock || !TRY(journal.by_id(one.row.id)) || !may_start(world, journal, one.row, wait)) {
      continue;
    }
    TRY(journal.want(one.row.id, Wanted::running));
    locks.push_back(std::move(*lock));
    locked.push_back(std::move(one));
  }
  sleepers = std::move(locked);
  return locks;
}

// How many run, once none is on its way any more. `asked`: each was, also one that is still shown
// as stopped.
Result<std::size_t> until_none_is_on_its_way(Provider& provider,
                                             const std::vector<MachineRef>& machines, bool asked,
                                             Progress& progress, const Wait& wait) {
  const auto poll = provider.facts().poll;
  for (auto interval = poll.first;; interval = std::min(poll.cap, interval * 2)) {
    if (auto paused = wait_for(-1, 0, wait.sooner(interval)); is_interrupted(paused)) {
      return fail(std::move(paused.error()));
    }
    const auto seen = TRY(provider.observe(machines, wait));
    const auto count = [&](MachineState state) {
      return static_cast<std::size_t>(std::ranges::count(seen, state, &Observation::state));
    };
    const auto running = count(MachineState::running);
    progress.detail(fmt::format("{} of {} run", running, machines.size()));
    const auto on_their_way =
        count(MachineState::pending) + (asked ? count(MachineState::stopped) : 0);
    const bool over = wait.deadline && SystemClock().now() >= *wait.deadline;
    if (on_their_way == 0 || over) return running;
  }
}

Result<> wake_those(const World& world, Journal& journal, Provider& provider,
                    std::vector<Sleeper> sleepers, Progress& progress, const Wait& wait) {
  const auto seen = provider.observe(machines_of(sleepers), wait);
  if (is_interrupted(seen)) return fail(seen.error());
  if (!seen) return {};
  std::vector<Sleeper> stopped;
  for (std::size_t i = 0; i < sleepers.size() && i < seen->size(); ++i) {
    if ((*seen)[i].state == MachineState::stopped) stopped.push_back(std::move(sleepers[i]));
  }
  if (stopped.size() < 2) return {};
  auto locks = TRY(lock_free_ones(world, journal, stopped, wait));
  const auto machines = machines_of(stopped);
  progress.begin("machines", fmt::format("starting {} machines", machines.size()), std::nullopt);
  const auto started = provider.start_all(machines, wait);
  locks.clear();
  if (is_interrupted(started)) return fail(started.error());
  const auto running = until_none_is_on_its_way(provider, machines, started.has_value(), progress,
                                                wait.sooner(patience));
  if (is_interrupted(running)) return fail(running.error());
  progress.end(fmt::format("{} of {} run", running.value_or(0), machines.size()));
  return {};
}

}  // namespace

Result<> Workspaces::wake(const std::vector<WorkspaceRow>& rows, Progress& progress,
                          const Wait& wait) {
  const WaitsTold told(world_.providers, progress);
  std::map<std::string, std::vector<Sleeper>> by_provider;
  const auto machines = TRY(journal_.machines());
  for (const auto& row : rows) {
    const auto found = machines.find(row.id);
    if (found == machines.end() || found->second.machine.ref.empty()) continue;
    const auto& machine = found->second.machine;
    by_provider[machine.provider].push_back({.row = row, .machine = machine});
  }
  for (auto& [name, sleepers] : by_provider) {
    const auto found = world_.providers.find(name);
    if (found == world_.providers.end() || found->second->facts().this_computer) continue;
    if (sleepers.size() < 2) continue;
    TRY(wake_those(world_, journal_, *found->second, std::move(sleepers), progress, wait));
  }
  return {};
}

}  // namespace carrel
