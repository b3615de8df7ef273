#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/select.hpp"
#include "workspace/workspaces.hpp"

namespace carrel::cli {
namespace {

Result<int> run_exec(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  return workspaces.exec(row, context.given.rest, context.wait());
}

}  // namespace

Command exec_command() {
  return {
      .name = "exec",
      .group = "Work",
      .summary = "run a command in a workspace's environment",
      .arguments = {workspace_argument()},
      .options = {},
      .rest = "COMMAND...",
      .text =
          "The command runs in the workspace's folder, on this terminal, and finds the workspace's "
          "Python first. "
          "What it installs changes this workspace alone. The exit status is the command's own.\n\n"
          "    carrel exec digits -- python train.py\n"
          "    carrel exec -- pip install pandas\n"
          "    carrel exec digits -- bash",
      .run = run_exec};
}

}  // namespace carrel::cli
