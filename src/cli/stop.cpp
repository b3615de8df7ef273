#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/select.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <expected>
#include <utility>
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
    auto changed = workspaces.stop(row, *progress, context.wait());
    progress->close(changed ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
    progress.reset();
    if (!changed) return std::unexpected(std::move(changed).error());
    const auto& name = row.name.text();
    terminal.out(context.json() ? done_event("stopped", row.id, row.name, *changed)
                 : *changed     ? name + " is stopped. Start it again: carrel start " + name + "\n"
                                : name + " was stopped already\n");
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
