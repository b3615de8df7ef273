#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/files.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel::cli {
namespace {

// What would be lost with the machines, as text; "" when there is nothing.
std::string losses(const CommandContext& context, Workspaces& workspaces,
                   const std::vector<WorkspaceRow>& rows) {
  std::string text;
  for (const auto& row : rows) {
    auto progress = progress_for(context);
    const auto unsaved = workspaces.unsaved(row, *progress, context.wait());
    progress->close(ShownProgress::Outcome::done);
    progress.reset();
    if (!unsaved) {
      text += fmt::format(
          "{}: its machine could not be looked at for files that are only there\n  {}\n",
          row.name.text(),
          one_line(unsaved.error().why.empty() ? unsaved.error().what : unsaved.error().why));
      continue;
    }
    if (context.json() && !unsaved->empty()) {
      context.world.terminal.out(unsaved_event(row, *unsaved));
    }
    if (!unsaved->changed.empty()) {
      text += row.name.text() + ": changed on the machine, and not brought home:\n" +
              short_list(unsaved->changed);
    }
    if (!unsaved->left_out.empty()) {
      text += row.name.text() + ": on the machine, where your ignore rules leave it:\n" +
              short_list(unsaved->left_out);
    }
  }
  return text;
}

bool is_yes(std::string_view answer) {
  const auto word = trimmed(answer);
  return word == "y" || word == "Y" || word == "yes";
}

// What is only on the machine has been seen, brought home or given up.
Result<> nothing_is_lost(const CommandContext& context, Workspaces& workspaces,
                         const std::vector<WorkspaceRow>& rows) {
  if (context.given.has("--discard")) return {};
  const auto lost = losses(context, workspaces, rows);
  if (lost.empty()) return {};
  auto& terminal = context.world.terminal;
  terminal.err(lost);
  if (context.given.has("--yes") || !terminal.can_ask()) {
    return fail(
        {.what = "rm would lose files that are only on the machine",
         .hint = fmt::format("carrel pull {0} brings them home (carrel start {0} first "
                             "where it is stopped); carrel rm --yes --discard {0} removes them too",
                             rows.front().name.text()),
         .exit = Exit::act});
  }
  if (!is_yes(TRY(terminal.ask("Bring home what can be brought first? [y/N] ", context.wait())))) {
    return {};  // the next question says what goes
  }
  for (const auto& row : rows) {
    if (TRY(workspaces.is_here(row))) continue;
    TRY(pull_home(context, workspaces, row));
  }
  return {};
}

Result<std::string> question(const CommandContext& context, Workspaces& workspaces,
                             const std::vector<WorkspaceRow>& rows) {
  std::string text;
  for (const auto& row : rows) {
    const bool here = TRY(workspaces.is_here(row));
    text += row.name.text() + "\n" +
            "  goes:  its Jupyter with all kernels and terminals, its environment with what was "
            "installed by hand, its log" +
            (here ? "" : "; its machine, with every file that is only there") + "\n" +
            "  stays: " + shown_folder(row.folder, context.variable("HOME")) +
            " with every file in it\n";
  }
  return text + "Remove " +
         (rows.size() == 1 ? rows.front().name.text()
                           : "these " + std::to_string(rows.size()) + " workspaces") +
         "? [y/N] ";
}

// Nothing is removed without a yes.
Result<bool> agreed(const CommandContext& context, Workspaces& workspaces,
                    const std::vector<WorkspaceRow>& rows) {
  TRY(nothing_is_lost(context, workspaces, rows));
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
  return is_yes(TRY(terminal.ask(TRY(question(context, workspaces, rows)), context.wait())));
}

Result<int> run_rm(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto selection = TRY(select(context, workspaces));
  auto& terminal = context.world.terminal;
  if (!TRY(agreed(context, workspaces, selection.rows))) {
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
                     ? done_event("removed", row.id, row.name.text(), true)
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
      .options = {all_option(),
                  yes_option("do not ask"),
                  {.name = "--discard",
                   .help = "also files that are only on the workspace's machine"},
                  json_option()},
      .text =
          "Stops the workspace, then removes its copy of the environment, its log and its record. "
          "The folder, its "
          "notebooks and every other file in it stay as they are. It asks before, and says what "
          "goes; without a "
          "terminal it needs `--yes`.\n\n"
          "Of a workspace on another machine the machine goes, too, with its disk. What has "
          "changed there since the last `push` or `pull` is listed first, and `rm` offers to bring "
          "it home; a file that git has pushed from there, as it is, is not listed. `--yes` alone "
          "then ends with status 3, also when the machine cannot be looked "
          "at, because it is stopped or does not answer. `--yes --discard` removes it with all "
          "that is on it.\n\n"
          "    carrel rm digits\n"
          "    carrel rm --all --yes\n\n"
          "Environment templates that nobody uses any more are removed by `carrel cache --prune`.",
      .run = run_rm};
}

}  // namespace carrel::cli
