#include "base/error.hpp"
#include "base/money.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/select.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <expected>
#include <vector>

namespace carrel::cli {
namespace {

Result<int> run_stop(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto selection = TRY(select(context, workspaces));
  auto& terminal = context.world.terminal;
  if (selection.rows.empty() && selection.missing.empty()) {
    terminal.err("There is no workspace: nothing to stop.\n");
  }
  return for_each(context, selection, [&](const WorkspaceRow& row) -> Result<> {
    auto progress = progress_for(context);
    const auto stopped = workspaces.stop(row, *progress, context.wait());
    progress->close(stopped ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
    progress.reset();
    if (!stopped) return std::unexpected(stopped.error());
    if (context.json()) {
      terminal.out(done_event("stopped", row.id, row.name, stopped->changed));
      return {};
    }
    const auto& name = row.name.text();
    terminal.out(stopped->changed
                     ? name + " is stopped. Start it again: carrel start " + name + "\n"
                     : name + " was stopped already\n");
    if (stopped->per_day.micro_usd != 0) {
      terminal.out("Its disk goes on costing " + to_string(stopped->per_day) +
                   " a day, until carrel rm " + name + "\n");
    }
    return {};
  });
}

}  // namespace

Command stop_command() {
  return {.name = "stop",
          .group = "Start and stop",
          .summary = "stop workspaces; files and environments stay",
          .arguments = {workspaces_argument()},
          .options = {all_option(), json_option()},
          .text =
              "Ends Jupyter, its kernels and terminals, and all that they started. Notebooks, "
              "files and what was "
              "installed stay; what a kernel had only in memory is gone.\n\n"
              "    carrel stop\n"
              "    carrel stop digits hello\n"
              "    carrel stop --all",
          .run = run_stop};
}

}  // namespace carrel::cli
