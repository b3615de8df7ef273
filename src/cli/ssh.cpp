#include "base/error.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/select.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/relay.hpp"
#include "workspace/ssh_config.hpp"
#include "workspace/workspaces.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

#include <fmt/format.h>

namespace carrel::cli {
namespace {

Result<int> run_ssh(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  return workspaces.shell(row, join(context.given.rest, " "), context.wait());
}

Result<int> run_ssh_config(CommandContext& context) {
  const bool install = context.given.has("--install");
  const bool uninstall = context.given.has("--uninstall");
  if (install && uninstall) return usage_error("either --install or --uninstall, not both");
  const auto paths = TRY(context.paths());
  const std::filesystem::path home = context.variable("HOME");
  auto& terminal = context.world.terminal;
  if (uninstall) {
    const bool done = TRY(uninstall_ssh_config(home, paths));
    terminal.err(done ? "~/.ssh/config is as it was without Carrel\n"
                      : "~/.ssh/config has no line of Carrel's\n");
    return 0;
  }
  auto workspaces = TRY(context.workspaces());
  const auto file = TRY(workspaces.ssh_config());
  if (!install) {
    terminal.out(TRY(read_file(file)));
    return 0;
  }
  const bool done = TRY(install_ssh_config(home, paths));
  terminal.err(fmt::format("~/.ssh/config {} {}: ssh carrel-NAME\n",
                           done ? "includes now" : "included already", file.string()));
  return 0;
}

// ssh's ProxyCommand: its bytes are standard input and output.
Result<int> run_ssh_proxy(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto id = TRY(WorkspaceId::parse(context.given.one("ID")));
  const auto host = TRY(workspaces.address(id, context.wait()));
  if (host == "none") {
    return fail({.what = "the machine does not run",
                 .why = {},
                 .hint = "carrel start starts it",
                 .reason = Reason::unreachable,
                 .trace = {}});
  }
  if (host == "unknown") {
    return fail({.what = "nobody says where the machine is now",
                 .why = {},
                 .hint = "carrel ls says why",
                 .reason = Reason::unreachable,
                 .trace = {}});
  }
  constexpr std::uint16_t ssh_port = 22;
  constexpr Milliseconds patience(15'000);
  auto connection = TRY(Connection::open(TcpAddress{.host = host, .port = ssh_port},
                                         context.wait().sooner(patience)));
  TRY(relay(connection, context.wait()));
  return 0;
}

}  // namespace

Command ssh_command() {
  return {.name = "ssh",
          .group = "Work",
          .summary = "log in to a workspace's machine, or run a command there",
          .arguments = {workspace_argument()},
          .rest = "[COMMAND...]",
          .text =
              "A login shell on this terminal, or, as with ssh itself, the words of the command "
              "given to that shell. The machine is verified first by its host key. The exit status "
              "is the command's own. It begins in the home folder and knows nothing of the "
              "workspace's environment: for that there is `carrel exec`.\n\n"
              "    carrel ssh digits\n"
              "    carrel ssh digits -- nvidia-smi",
          .run = run_ssh};
}

Command ssh_config_command() {
  return {.name = "ssh-config",
          .group = "Work",
          .summary = "let ssh, VS Code and others reach machines by name",
          .options = {{.name = "--install", .help = "include it in ~/.ssh/config"},
                      {.name = "--uninstall", .help = "take that line out again"}},
          .text =
              "Prints an entry `carrel-NAME` (also `NAME.carrel`) for each machine that has been "
              "verified: its login, key and pinned host key, and how its present address is found "
              "at each connection. Carrel keeps them in a file of its own, which "
              "`--install` includes in ~/.ssh/config with one line.\n\n"
              "    carrel ssh-config --install\n"
              "    ssh carrel-digits\n"
              "    code --remote ssh-remote+carrel-digits /home/ubuntu/digits",
          .run = run_ssh_config};
}

Command ssh_proxy_command() {
  return {.name = "ssh-proxy",
          .group = "This computer",
          .summary = "carry one connection to the ssh port of a workspace's machine; ssh asks it",
          .arguments = {{.name = "ID", .help = "the workspace's id", .required = true}},
          .text = "carrel ssh-config",
          .run = run_ssh_proxy,
          .hidden = true};
}

}  // namespace carrel::cli
