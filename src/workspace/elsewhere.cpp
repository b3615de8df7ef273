#include "workspace/elsewhere.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/state.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

std::pair<std::string_view, std::string_view> parts_of(std::string_view full_name) {
  const auto at = full_name.find('@');
  return {full_name.substr(0, at), full_name.substr(at + 1)};
}

WorkspaceStatus status_of_machine(const MadeElsewhere& machine, const WorkspaceId& id) {
  WorkspaceStatus status{.id = id, .name = WorkspaceName::from_folder(machine.name)};
  status.folder_exists = false;
  status.machine_ref = machine.machine;
  status.machine = machine.seen.state;
  const bool runs = machine.seen.state == MachineState::running;
  status.server = runs ? ServerState::unknown : ServerState::stopped;
  status.word = runs ? "running" : word_for(status.machine, status.server);
  status.detail = machine.seen.reason;
  if (runs) status.since = machine.seen.since;
  if (const auto computer = WorkspaceName::parse(machine.computer)) {
    status.computer = computer->text();
  }
  status.owner = machine.owner;
  return status;
}

Error not_there(std::string_view full_name, const WorkspaceList& list) {
  std::vector<std::string> others;
  others.reserve(list.all.size());
  for (const auto& status : list.all) others.push_back(status.full_name());
  return {
      .what = fmt::format("no machine of {} is where this computer looks", printable(full_name)),
      .hint = others.empty() ? "it may be in another region or account than your tools are set to"
                             : fmt::format("there is {}", join(others, ", ")),
      .exit = Exit::usage,
      .reason = Reason::not_found};
}

}  // namespace

bool is_elsewhere(std::string_view name) {
  return name.contains('@');
}

Error only_from_its_computer(std::string_view full_name) {
  const auto [name, computer] = parts_of(full_name);
  return {.what = fmt::format("{} is a workspace of another computer", printable(full_name)),
          .why = "the key to its machine is there and nowhere else",
          .hint = fmt::format("on {1}: the same command with {0}; from here: carrel stop {0}@{1} "
                              "stops its machine, and the cloud's own tools remove it by its ref, "
                              "which carrel ls --json shows",
                              printable(name), printable(computer)),
          .exit = Exit::act,
          .reason = Reason::refused};
}

std::vector<WorkspaceStatus> statuses_elsewhere(const std::vector<MadeElsewhere>& machines,
                                                const std::set<WorkspaceId>& known) {
  std::vector<WorkspaceStatus> all;
  std::map<std::pair<std::string, std::string>, int> called;
  for (const auto& machine : machines) {
    const auto id = WorkspaceId::parse(machine.workspace);
    if (!id || known.contains(*id)) continue;
    all.push_back(status_of_machine(machine, *id));
    ++called[{all.back().name.text(), all.back().computer}];
  }
  for (auto& status : all) {
    const bool tells =
        !status.computer.empty() && called.at({status.name.text(), status.computer}) == 1;
    status.at = tells ? status.computer : status.machine_ref.ref;
  }
  std::ranges::sort(all, {}, &WorkspaceStatus::full_name);
  return all;
}

Result<StoppedElsewhere> Workspaces::stop_elsewhere(std::string_view full_name, const Wait& wait) {
  std::map<std::string, std::vector<MachineRef>> machines;
  for (const auto& [id, row] : TRY(journal_.machines())) {
    if (!row.machine.ref.empty()) machines[row.machine.provider].push_back(row.machine);
  }
  std::set<WorkspaceId> known;
  for (const auto& row : TRY(journal_.listing())) known.insert(row.id);
  WorkspaceList list;
  for (const auto& [name, provider] : world_.providers) {
    if (provider->facts().this_computer) continue;
    auto listing = TRY(provider->list(machines[name], Places::usual_too, wait));
    std::ranges::move(statuses_elsewhere(listing.elsewhere, known), std::back_inserter(list.all));
    std::ranges::move(listing.unasked, std::back_inserter(list.unasked));
  }
  const auto [name, at] = parts_of(full_name);
  const auto found = std::ranges::find_if(list.all, [&](const WorkspaceStatus& status) {
    return status.name.text() == name && (status.at == at || status.machine_ref.ref == at);
  });
  if (found == list.all.end()) {
    return fail(list.unasked.empty() ? not_there(full_name, list) : list.unasked.front());
  }
  auto* provider = TRY(provider_named(world_, found->machine_ref.provider));
  const bool was_stopped = found->machine == MachineState::stopped;
  if (!was_stopped) TRY(provider->stop(found->machine_ref, StopHow::gracefully, wait));
  return StoppedElsewhere{.before = *found, .result = {.changed = !was_stopped, .per_day = {}}};
}

}  // namespace carrel
