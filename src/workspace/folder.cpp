#include "workspace/folder.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "files/exchange.hpp"
#include "files/meter.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/world.hpp"

#include <optional>

namespace carrel {

ExchangeRecord record_of(const World& world, const WorkspaceRow& row, const MachineRef& machine) {
  return {.file = world.paths.of(row.id) / "files",
          .machine = machine.ref,
          .scratch = world.paths.state / "ignore"};
}

Result<Exchange> exchange_of(const World& world, Site& site, Progress& progress, const Wait& wait) {
  return Exchange::open({.here = world.here,
                         .here_folder = site.row.folder,
                         .there = *site.channel,
                         .there_folder = site.folder,
                         .once = site.row.id.short_text()},
                        record_of(world, site.row, site.machine.machine), progress, wait);
}

Result<> bring_folder(const World& world, Site& site, Progress& progress, const Wait& wait) {
  // A damaged one: `push` and `pull` say so. Here it only matters that there was one.
  const auto record = read_record(record_of(world, site.row, site.machine.machine));
  const bool begun = record && *record && !(*record)->complete;
  if (!begun && ((record && *record) || TRY(site.channel->is_folder(site.folder, wait)))) return {};
  progress.begin("files", "sending the folder", std::nullopt);
  auto exchange = TRY(exchange_of(world, site, progress, wait));
  const auto report = TRY(exchange.push(Force::no, progress, wait));
  TRY(site.channel->put(site.folder, {}, wait));  // also when it holds nothing
  TRY(exchange.complete());
  progress.end(amount(report.files, report.bytes));
  return {};
}

}  // namespace carrel
