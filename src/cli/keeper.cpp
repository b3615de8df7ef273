#include "keeper/keeper.hpp"

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "os/companion.hpp"
#include "os/file.hpp"

#include <filesystem>
#include <string>
#include <system_error>

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
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  TRY(start_apart({.argv = {error ? "carrel" : self.string(), "keeper", "--serve"},
                   .environment = context.world.environment},
                  place.log));
  return 0;
}

}  // namespace

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
