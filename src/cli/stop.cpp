#include "base/error.hpp"
#include "base/money.hpp"
#include "base/names.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/select.hpp"
#include "workspace/elsewhere.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <expected>
#include <string>
#include <vector>

namespace carrel::cli {
namespace {

void show_stopped(const CommandContext& context, const WorkspaceId& id, const std::string& name,
                  const StopResult& stopped, const std::string& next) {
  auto& terminal = context.world.terminal;
  if (context.json()) {
    terminal.out(done_event("stopped", id, name, stopped.changed));
    return;
  }
  terminal.out(stopped.changed ? name + " is stopped. " + next + "\n"
                               : name + " was stopped already\n");
}

// The names of other computers' workspaces, taken out of those that are missing here.
std::vector<std::string> take_elsewhere(Selection& selection) {
  std::vector<std::string> names;
  std::erase_if(selection.missing, [&](const auto& one) {
    if (!is_elsewhere(one.first)) return false;
    names.push_back(one.first);
    return true;
  });
  return names;
}

int stop_elsewhere(const CommandContext& context, Workspaces& workspaces, const std::string& name) {
  const auto stopped = workspaces.stop_elsewhere(name, context.wait());
  if (!stopped) return report(context, stopped.error());
  const auto& before = stopped->before;
  show_stopped(context, before.id, before.full_name(), stopped->result,
               "It can be started again on " +
                   (before.computer.empty() ? "the computer that made it" : before.computer) +
                   "; until it is removed its disk goes on costing.");
  return 0;
}

Result<int> run_stop(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  auto selection = TRY(select(context, workspaces));
  const auto elsewhere = take_elsewhere(selection);
  auto& terminal = context.world.terminal;
  if (selection.rows.empty() && selection.missing.empty() && elsewhere.empty()) {
    terminal.err("There is no workspace: nothing to stop.\n");
  }
  const auto stop_one = [&](const WorkspaceRow& row) -> Result<> {
    auto progress = progress_for(context);
    const auto stopped = workspaces.stop(row, *progress, context.wait());
    progress->close(stopped ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
    progress.reset();
    if (!stopped) return std::unexpected(stopped.error());
    const auto& name = row.name.text();
    show_stopped(context, row.id, name, *stopped, "Start it again: carrel start " + name);
    if (!context.json() && stopped->per_day.micro_usd != 0) {
      terminal.out("Its disk goes on costing " + to_string(stopped->per_day) +
                   " a day, until carrel rm " + name + "\n");
    }
    return {};
  };
  int status = for_each(context, selection, stop_one);
  for (const auto& name : elsewhere) {
    if (status == status_of(Exit::interrupted)) break;
    status = worst(status, stop_elsewhere(context, workspaces, name));
  }
  return status;
}

}  // namespace

Command stop_command() {
  return {
      .name = "stop",
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
          "    carrel stop --all\n\n"
          "Of a workspace of another computer, which `ls` shows as `NAME@COMPUTER`, the machine "
          "is stopped; `--all` leaves those alone.\n\n"
          "    carrel stop digits@laptop",
      .run = run_stop};
}

}  // namespace carrel::cli
