#include "base/error.hpp"
#include "base/money.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/show.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

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
        status.name.text(), status.word,
        shown_folder(status.folder, home) + (status.folder_exists ? "" : " (not there)"),
        status.kernels ? std::to_string(*status.kernels) : "-",
        status.since ? ago(duration_cast<milliseconds>(now - *status.since)) : "-"};
    if (costs) row.push_back(to_string(status.cost));
    table.rows.push_back(std::move(row));
    if (!status.detail.empty() && status.word != "up" && status.word != "stopped") {
      remarks += status.name.text() + ": " + one_line(status.detail) + "\n";
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
  const auto list = TRY(workspaces.list(true, context.wait()));
  if (context.json()) {
    terminal.out(workspaces_json(list));
  } else if (list.empty()) {
    terminal.err("No workspaces yet. In a folder with notebooks, or an empty one: carrel up\n");
  } else {
    terminal.out(listing(context, list));
  }
  return 0;
}

}  // namespace

Command ls_command() {
  return {.name = "ls",
          .group = "Look",
          .summary = "list all workspaces",
          .options = {json_option(),
                      {.name = "--names", .help = "names only, for completion", .hidden = true}},
          .text =
              "One line a workspace: its name, the word for its state (docs/reference/states.md), "
              "its folder, how many "
              "kernels it has, since when it is so; and the cost when any has one.\n\n"
              "    carrel ls\n"
              "    carrel ls --json",
          .run = run_ls};
}

}  // namespace carrel::cli
