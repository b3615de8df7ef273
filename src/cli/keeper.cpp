#include "keeper/keeper.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "os/companion.hpp"
#include "os/file.hpp"
#include "workspace/workspaces.hpp"

namespace carrel::cli {
namespace {

Result<int> run_keeper(CommandContext& context) {
  const auto paths = TRY(context.paths());
  const KeeperPlace place{.folder = paths.run, .log = paths.state / "keeper.log"};
  if (context.given.has("--serve")) {
    TRY(serve_keeper(place, context.world.environment, context.world.random, context.wait()));
    return 0;
  }
  TRY(make_private_folder(paths.state));
  TRY(start_apart({.argv = {context.world.program, "keeper", "--serve"},
                   .environment = context.world.environment},
                  place.log));
  return 0;
}

Result<int> run_keeper_address(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto id = TRY(WorkspaceId::parse(context.given.one("ID")));
  context.world.terminal.out(TRY(workspaces.address(id, context.wait())) + "\n");
  return 0;
}

}  // namespace

Command keeper_address_command() {
  return {.name = "keeper-address",
          .group = "This computer",
          .summary = "say where a workspace's machine is now; the keeper asks it",
          .arguments = {{.name = "ID", .help = "the workspace's id", .required = true}},
          .text = "docs/development/keeper.md",
          .run = run_keeper_address,
          .hidden = true};
}

Command keeper_command() {
  return {.name = "keeper",
          .group = "This computer",
          .summary = "own the local ports of workspaces elsewhere; commands start it",
          .options = {{.name = "--serve", .help = "be the keeper, in the foreground"}},
          .text = "docs/development/keeper.md",
          .run = run_keeper,
          .hidden = true};
}

}  // namespace carrel::cli
