#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/ready.hpp"
#include "cli/select.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <expected>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

Result<int> run_start(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto selection = TRY(select(context, workspaces));
  if (selection.rows.empty() && selection.missing.empty()) {
    context.world.terminal.err(
        "There is no workspace. carrel up makes one of the current folder.\n");
  }
  if (selection.rows.size() > 1) {
    auto progress = progress_for(context);
    const auto woken = workspaces.wake(selection.rows, *progress, context.wait());
    progress->close(woken ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
    TRY(woken);
  }
  return for_each(context, selection, [&](const WorkspaceRow& row) -> Result<> {
    auto progress = progress_for(context);
    auto result = workspaces.start(row, *progress, context.wait());
    progress->close(result ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
    progress.reset();
    if (!result) return std::unexpected(std::move(result).error());
    return show_ready(context, workspaces, row, *result);
  });
}

}  // namespace

Command start_command() {
  return {.name = "start",
          .group = "Start and stop",
          .summary = "start workspaces that were stopped or have failed",
          .arguments = {workspaces_argument()},
          .options = {all_option(), json_option()},
          .text =
              "Starts Jupyter again with the environment that the workspace has, and runs a cell "
              "to prove it. What was "
              "installed by hand is still there.\n\n"
              "    carrel start digits\n"
              "    carrel start --all",
          .run = run_start};
}

}  // namespace carrel::cli
