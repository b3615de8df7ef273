// `push` and `pull`.
#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/files.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/select.hpp"
#include "files/exchange.hpp"
#include "files/meter.hpp"
#include "workspace/workspaces.hpp"

#include <expected>
#include <utility>

#include <fmt/format.h>

namespace carrel::cli {
namespace {

Result<int> run_push(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  auto progress = progress_for(context);
  auto report = workspaces.push(row, context.given.has("--force") ? Force::yes : Force::no,
                                *progress, context.wait());
  progress->close(report ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
  progress.reset();
  if (!report) return std::unexpected(std::move(report).error());
  auto& terminal = context.world.terminal;
  if (!report->deleted_here.empty()) {
    terminal.err("gone from this computer, still on the machine:\n" +
                 short_list(report->deleted_here));
  }
  if (!report->deleted_there.empty()) {
    terminal.err("gone from the machine, still here:\n" + short_list(report->deleted_there));
  }
  if (!report->refused.empty()) {
    terminal.err("not sent, since the machine has changed them:\n" + short_list(report->refused) +
                 fmt::format("carrel pull {0} brings those beside yours; carrel push --force {0} "
                             "overwrites them\n",
                             row.name.text()));
  }
  terminal.out(context.json() ? exchange_event("pushed", row, *report)
                              : fmt::format("{}: {} sent\n", row.name.text(),
                                            amount(report->files, report->bytes)));
  return status_of(report->refused.empty() ? Exit::done : Exit::failed);
}

Result<int> run_pull(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  return pull_home(context, workspaces, row);
}

}  // namespace

Command push_command() {
  return {
      .name = "push",
      .group = "Files",
      .summary = "send what has changed here to a workspace's machine",
      .arguments = {workspace_argument()},
      .options = {{.name = "--force", .help = "also over files that the machine has changed"},
                  json_option()},
      .text =
          "For a workspace on another machine. Sends the files of its folder that have changed "
          "here "
          "since the last "
          "`push` or `pull`, or since `up` sent the folder. What the machine has changed meanwhile "
          "is not overwritten: "
          "those files are named, and the exit status is 1. Nothing is deleted on either side. "
          "What "
          "was cut off goes on "
          "with what is missing.\n\n"
          "    carrel push\n"
          "    carrel push digits\n\n"
          "What git ignores stays here, and what `.carrelignore` names, which is written like "
          "`.gitignore`; also `.git`, "
          "`__pycache__` and `.ipynb_checkpoints`. `carrel cp` sends any of those.",
      .run = run_push};
}

Command pull_command() {
  return {
      .name = "pull",
      .group = "Files",
      .summary = "bring home what has changed on a workspace's machine",
      .arguments = {workspace_argument()},
      .options = {json_option()},
      .text =
          "For a workspace on another machine. Brings the files that have changed there since the "
          "last `push` or `pull`. "
          "Nothing of yours is overwritten: of a file that has changed on both sides the machine's "
          "version is put beside "
          "yours, `plot.from-machine.py` for `plot.py`, and the exit status is 1; the next `push` "
          "then sends yours. "
          "Nothing is deleted on either side. What was cut off goes on with what is missing.\n\n"
          "    carrel pull\n"
          "    carrel pull digits --json\n\n"
          "What your ignore rules leave out (see `carrel push`) stays on the machine; `carrel cp` "
          "brings it.",
      .run = run_pull};
}

}  // namespace carrel::cli
