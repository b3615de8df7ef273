#include "base/error.hpp"
#include "base/money.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// The folder; of another computer's workspace what is known instead.
std::string whereabouts(const WorkspaceStatus& status, std::string_view home) {
  if (!status.is_elsewhere()) {
    return shown_folder(status.folder, home) + (status.folder_exists ? "" : " (not there)");
  }
  return "of " + (status.owner.empty() ? "someone" : one_line(status.owner)) + ", in " +
         status.machine_ref.place;
}

std::string listing(const CommandContext& context, const std::vector<WorkspaceStatus>& list) {
  const auto& terminal = context.world.terminal;
  const auto look = look_of(terminal, Output::out, context.world.environment);
  const auto home = context.variable("HOME");
  const auto now = context.world.clock.wall();
  const bool costs = std::ranges::any_of(list, [](const WorkspaceStatus& status) {
    return status.cost.micro_usd != 0 || status.per_hour.micro_usd != 0;
  });
  Table table{.head = {"NAME", "STATE", "FOLDER", "KERNELS", "SINCE"}, .rows = {}, .stretch = 2};
  if (costs) table.head.emplace_back("COST");
  std::string remarks;
  for (const auto& status : list) {
    std::vector<std::string> row{
        status.full_name(), status.word, whereabouts(status, home),
        status.kernels ? std::to_string(*status.kernels) : "-",
        status.since ? ago(duration_cast<milliseconds>(now - *status.since)) : "-"};
    if (costs) row.push_back(to_string(status.cost));
    table.rows.push_back(std::move(row));
    if (!status.detail.empty() && status.word != "up" && status.word != "stopped") {
      remarks += status.full_name() + ": " + one_line(status.detail) + "\n";
    }
  }
  return table.text(look, terminal.output_is_terminal()) + remarks;
}

Result<int> run_ls(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  auto& terminal = context.world.terminal;
  if (context.given.has("--names")) {
    std::string names;
    for (const auto& row : TRY(workspaces.all())) names += row.name.text() + "\n";
    terminal.out(names);
    return 0;
  }
  const auto also_on = context.given.value("--on").value_or("");
  const auto list = TRY(workspaces.list({.ask_kernels = true, .also_on = also_on}, context.wait()));
  if (context.json()) {
    terminal.out(workspaces_json(list.all));
  } else if (list.all.empty()) {
    terminal.err("No workspaces yet. In a folder with notebooks, or an empty one: carrel up\n");
  } else {
    terminal.out(listing(context, list.all));
  }
  int status = 0;
  if (also_on.empty()) return status;  // what cannot be asked is a remark of its workspace
  for (const auto& error : list.unasked) {
    terminal.err(error_text(error, look_of(terminal, Output::err, context.world.environment)));
    status = worst(status, status_of(error.exit));
  }
  return status;
}

}  // namespace

Command ls_command(const std::vector<std::string>& providers) {
  return {.name = "ls",
          .group = "Look",
          .summary = "list all workspaces",
          .options = {{.name = "--on",
                       .value = "PLACE",
                       .help = "also what your other computers have in this place's usual region",
                       .offers = Offers::providers,
                       .choices = providers},
                      json_option(),
                      {.name = "--names", .help = "names only, for completion", .hidden = true}},
          .text =
              "One line a workspace: its name, the word for its state (docs/reference/states.md), "
              "its folder, how many "
              "kernels it has, since when it is so; and the cost when any has one.\n\n"
              "Where this computer has machines on a cloud, the same question shows the machines "
              "that your other computers have made there with Carrel, as `NAME@COMPUTER`, with "
              "their owner and region in place of the folder. `--on ec2` asks also in the region "
              "that your AWS tools are set to, when this computer has none there. Such a "
              "workspace can be stopped from here; all else needs the computer that made it, which "
              "has its key.\n\n"
              "    carrel ls\n"
              "    carrel ls --on ec2\n"
              "    carrel ls --json",
          .run = run_ls};
}

}  // namespace carrel::cli
