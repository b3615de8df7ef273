// `stop` and `rm`: what ends, in which order.
#include "base/error.hpp"
#include "base/progress.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/intent.hpp"
#include "workspace/journal.hpp"
#include "workspace/lock.hpp"
#include "workspace/provider.hpp"
#include "workspace/reach.hpp"
#include "workspace/server.hpp"
#include "workspace/site.hpp"
#include "workspace/ssh_config.hpp"
#include "workspace/status.hpp"
#include "workspace/waits_told.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <filesystem>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace carrel {
namespace {

// On a full disk what ends things must still work: it is what frees room, and `ls` looks at what
// is, not at what was wanted.
Result<> unless_full(Result<> written) {
  if (!written && written.error().reason == Reason::no_space) return {};
  return written;
}

// A machine that must stop does not wait for that: what stays open is said.
Result<> close_door(const World& world, Journal& journal, const MachineRow& machine,
                    Progress& progress, const Wait& wait) {
  auto server = TRY(journal.server(machine.workspace));
  if (!server || !server->public_reach) return {};
  const auto closed = close_public_port(world, journal, machine, wait);
  if (!closed && closed.error().reason == Reason::interrupted) return fail(closed.error());
  if (!closed) {
    progress.note(fmt::format("port {} stays open to where it was: {}: {}", public_port,
                              closed.error().what, closed.error().why));
    return {};
  }
  if (*closed) {
    progress.note(fmt::format("port {} stays open for {}", public_port, (*closed)->text()));
  }
  for (const auto& note : TRY(provider_named(world, machine.machine.provider))->notes()) {
    progress.note(note);
  }
  server->public_reach = false;
  return unless_full(journal.put_server(*server));
}

}  // namespace

Result<StopResult> Workspaces::stop(const WorkspaceRow& row, Progress& progress, const Wait& wait) {
  const WaitsTold told(world_.providers, progress);
  auto lock = TRY(lock_workspace(world_, row, progress, wait));
  const auto machine = TRY(journal_.machine(row.id));
  if (!machine || machine->machine.ref.empty()) return StopResult{};
  StopResult result;
  if (const auto asked = read_asked(machine->asked)) {
    result.per_day = asked->offer.per_day_stopped;
  }
  const auto before = TRY(status_of(world_, journal_, row, wait));
  auto* provider = TRY(provider_named(world_, machine->machine.provider));
  const bool is_open = before.public_reach && !provider->facts().this_computer;
  if (before.word == "stopped" && row.wanted == Wanted::stopped && !is_open) return result;
  if (row.wanted != Wanted::removed) {  // a removal that was cut off stays one
    TRY(unless_full(journal_.want(row.id, Wanted::stopped)));
  }
  if (provider->facts().this_computer) {
    auto site = TRY(reach_site(world_, row, *machine, wait));
    TRY(stop_server(world_, journal_, site, wait));
  } else {
    // The machine's own shutdown ends the server; one that cannot be reached still costs money.
    TRY(unless_full(journal_.set_server_stopped(row.id, world_.clock.wall())));
  }
  TRY(provider->stop(machine->machine, StopHow::gracefully, wait));
  if (!provider->facts().this_computer) {
    TRY(close_door(world_, journal_, *machine, progress, wait));
    TRY(world_.keeper.rest(row.id, wait));
  }
  TRY(remove_tree(world_.paths.of(row.id) / "open.html"));
  result.changed = before.word != "stopped";
  return result;
}

Result<> Workspaces::remove(const WorkspaceRow& row, Progress& progress, const Wait& wait) {
  const WaitsTold told(world_.providers, progress);
  auto lock = TRY(lock_workspace(world_, row, progress, wait));
  if (!TRY(journal_.by_id(row.id))) return {};  // another was quicker
  return remove_locked(row, progress, wait);
}

Result<> Workspaces::remove_locked(const WorkspaceRow& row, Progress& progress, const Wait& wait) {
  TRY(unless_full(journal_.want(row.id, Wanted::removed)));
  auto machine = TRY(journal_.machine(row.id));
  if (machine && machine->machine.ref.empty()) {
    // Asked for, and no answer was written down: the token finds what came of it.
    auto* provider = TRY(provider_named(world_, machine->machine.provider));
    machine->machine = TRY(provider->find(machine->token, wait)).value_or(machine->machine);
  }
  if (machine && !machine->machine.ref.empty()) {
    auto* provider = TRY(provider_named(world_, machine->machine.provider));
    if (provider->facts().this_computer) {  // another one goes with all that is on it
      auto site = TRY(reach_site(world_, row, *machine, wait));
      progress.detail("stopping its server");
      TRY(stop_server(world_, journal_, site, wait));
      progress.detail("removing its environment");
      TRY(site.environments().remove(row.id, wait));
      TRY(site.channel->remove(site.folder_of_state(), wait));
    } else {
      TRY(close_door(world_, journal_, *machine, progress, wait));
    }
    TRY(provider->remove(machine->machine, Keep::nothing, wait));
    if (!provider->facts().this_computer) TRY(world_.keeper.drop(row.id, wait));
    TRY(remove_tree(world_.paths.of(row.id)));
  }
  TRY(journal_.forget(row.id));
  if (machine) TRY(unless_full(write_ssh_config(world_, journal_)));
  std::error_code others_use_it;
  std::filesystem::remove(world_.paths.run, others_use_it);
  return remove_tree(world_.paths.lock_of(row.id));
}

}  // namespace carrel
