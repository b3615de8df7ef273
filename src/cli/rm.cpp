#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

std::string question(const CommandContext& context, const std::vector<WorkspaceRow>& rows) {
  std::string text;
  for (const auto& row : rows) {
    text += row.name.text() + "\n" +
            "  goes:  its Jupyter with all kernels and terminals, its environment with what was "
            "installed by hand, its log\n" +
            "  stays: " + shown_folder(row.folder, context.variable("HOME")) +
            " with every file in it\n";
  }
  return text + "Remove " +
         (rows.size() == 1 ? rows.front().name.text()
                           : "these " + std::to_string(rows.size()) + " workspaces") +
         "? [y/N] ";
}

// Nothing is removed without a yes.
Result<bool> agreed(const CommandContext& context, const std::vector<WorkspaceRow>& rows) {
  if (context.given.has("--yes") || rows.empty()) return true;
  auto& terminal = context.world.terminal;
  if (!terminal.can_ask()) {
    return fail(
        {.what = "rm asks before it removes, and there is no terminal to ask on",
         .why = {},
         .hint = "carrel rm --yes " + rows.front().name.text() + (rows.size() > 1 ? " ..." : ""),
         .exit = Exit::act,
         .reason = Reason::other,
         .trace = {}});
  }
  const auto answer = TRY(terminal.ask(question(context, rows), context.wait()));
  const auto word = trimmed(answer);
  return word == "y" || word == "Y" || word == "yes";
}

Result<int> run_rm(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto selection = TRY(select(context, workspaces));
  auto& terminal = context.world.terminal;
  if (!TRY(agreed(context, selection.rows))) {
    terminal.err("Nothing was removed.\n");
    return status_of(Exit::failed);
  }
  return for_each(context, selection, [&](const WorkspaceRow& row) -> Result<> {
    auto progress = progress_for(context);
    auto removed = workspaces.remove(row, *progress, context.wait());
    progress->close(removed ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
    progress.reset();
    if (!removed) return std::unexpected(std::move(removed).error());
    terminal.out(context.json()
                     ? done_event("removed", row.id, row.name, true)
                     : row.name.text() + " is removed; " +
                           shown_folder(row.folder, context.variable("HOME")) + " is untouched\n");
    return {};
  });
}

}  // namespace

Command rm_command() {
  return {
      .name = "rm",
      .group = "Start and stop",
      .summary = "remove workspaces; never your folders",
      .arguments = {workspaces_argument()},
      .options = {all_option(), yes_option("do not ask"), json_option()},
      .text =
          "Stops the workspace, then removes its copy of the environment, its log and its record. "
          "The folder, its "
          "notebooks and every other file in it stay as they are. It asks before, and says what "
          "goes; without a "
          "terminal it needs `--yes`.\n\n"
          "    carrel rm digits\n"
          "    carrel rm --all --yes\n\n"
          "Environment templates that nobody uses any more are removed by `carrel cache --prune`.",
      .run = run_rm};
}

}  // namespace carrel::cli
