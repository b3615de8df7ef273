// Files between this computer and a workspace's machine.
#include "base/error.hpp"
#include "base/progress.hpp"
#include "files/copy.hpp"
#include "files/exchange.hpp"
#include "os/wait.hpp"
#include "workspace/folder.hpp"
#include "workspace/journal.hpp"
#include "workspace/lock.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <chrono>
#include <filesystem>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// A machine that does not answer: a question before a removal is not worth more.
constexpr auto time_to_look = std::chrono::seconds(30);

Result<Site> site_elsewhere(const World& world, Journal& journal, const WorkspaceRow& row,
                            const Wait& wait) {
  auto site = TRY(reach_site(world, journal, row, wait));
  if (!site.is_here()) return site;
  return usage_error(fmt::format("{} is on this computer", row.name.text()),
                     fmt::format("its notebooks are those in {}", row.folder));
}

}  // namespace

Result<ExchangeReport> Workspaces::push(const WorkspaceRow& row, Force force, Progress& progress,
                                        const Wait& wait) {
  auto lock = TRY(lock_workspace(world_, row, progress, wait));
  progress.begin("compare", "comparing both sides", {});
  auto site = TRY(site_elsewhere(world_, journal_, row, wait));
  auto exchange = TRY(exchange_of(world_, site, progress, wait));
  progress.begin("files", "sending files", {});
  auto report = TRY(exchange.push(force, progress, wait));
  TRY(exchange.complete());
  return report;
}

Result<ExchangeReport> Workspaces::pull(const WorkspaceRow& row, Progress& progress,
                                        const Wait& wait) {
  auto lock = TRY(lock_workspace(world_, row, progress, wait));
  progress.begin("compare", "comparing both sides", {});
  auto site = TRY(site_elsewhere(world_, journal_, row, wait));
  auto exchange = TRY(exchange_of(world_, site, progress, wait));
  progress.begin("files", "bringing files home", {});
  return exchange.pull(progress, wait);
}

Result<CopyReport> Workspaces::copy(const WorkspaceRow& row, CopyRequest request,
                                    Progress& progress, const Wait& wait) {
  auto lock = TRY(lock_workspace(world_, row, progress, wait));
  progress.begin("files", "copying", {});
  auto site = TRY(reach_site(world_, journal_, row, wait));
  if (request.direction == Direction::home) {
    for (auto& path : request.from) path = site.folder / path;
  } else {
    request.to = site.folder / request.to;
  }
  return copy_files(world_.here, *site.channel, request, row.id.short_text(), progress, wait);
}

Result<bool> Workspaces::is_here(const WorkspaceRow& row) {
  const auto machine = TRY(journal_.machine(row.id));
  if (!machine || machine->machine.ref.empty()) return true;
  return TRY(provider_named(world_, machine->machine.provider))->facts().this_computer;
}

Result<Unsaved> Workspaces::unsaved(const WorkspaceRow& row, Progress& progress, const Wait& wait) {
  const auto machine = TRY(journal_.machine(row.id));
  // Before there is an environment nobody has worked there.
  const bool unused = row.wanted == Wanted::removed || row.environment_json.empty();
  if (unused || TRY(is_here(row))) return Unsaved{};
  auto* provider = TRY(provider_named(world_, machine->machine.provider));
  const auto bounded = wait.sooner(time_to_look);
  const auto seen = TRY(provider->observe({machine->machine}, bounded));
  if (!seen.empty() && seen.front().state == MachineState::gone) return Unsaved{};
  progress.begin("compare", "looking for files that are only on the machine", {});
  auto site = TRY(reach_site(world_, row, *machine, bounded));
  return TRY(exchange_of(world_, site, progress, bounded)).unsaved(bounded);
}

}  // namespace carrel
