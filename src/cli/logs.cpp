#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "workspace/workspaces.hpp"

#include <string>
#include <string_view>

namespace carrel::cli {
namespace {

Result<int> run_logs(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  auto& terminal = context.world.terminal;
  const bool colours = look_of(terminal, Output::out, context.world.environment).colours;
  const auto show = [&](std::string_view lines) {
    auto text = printable_coloured(lines, colours);
    if (!lines.ends_with('\n')) text += '\n';
    terminal.out(text);
  };
  const bool follow = context.given.has("--follow");
  if (!context.given.has("--boot")) {
    TRY(workspaces.logs(row, follow, show, context.wait()));
    return 0;
  }
  if (follow) return usage_error("--boot and --follow contradict each other");
  TRY(workspaces.boot_log(row, show, context.wait()));
  return 0;
}

}  // namespace

Command logs_command() {
  return {
      .name = "logs",
      .group = "Look",
      .summary = "show what a workspace's Jupyter has logged",
      .arguments = {workspace_argument()},
      .options = {{.name = "--follow",
                   .letter = "-f",
                   .help = "go on with what comes, until Ctrl-C"},
                  {.name = "--boot",
                   .help = "how its machine in a cloud booted: cloud-init's log, or its console "
                           "where ssh does not answer"}},
      .text =
          "The log holds no token and no password. With `--follow` it goes on over restarts.\n\n"
          "    carrel logs digits\n"
          "    carrel logs -f\n"
          "    carrel logs digits --boot",
      .run = run_logs};
}

}  // namespace carrel::cli
