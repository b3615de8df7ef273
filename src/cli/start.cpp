#include "base/error.hpp"
#include "base/progress.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/ready.hpp"
#include "cli/select.hpp"
#include "cli/together.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <cstddef>
#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

// An interrupt leaves machines that were asked to start, of workspaces that nobody spoke of yet.
Result<std::string> what_goes_on(Workspaces& workspaces, const Selection& selection) {
  for (const auto& row : selection.rows) {
    if (!TRY(workspaces.is_here(row))) {
      return "machines that were started go on and cost money: carrel ls shows them, carrel stop "
             "stops them";
    }
  }
  return {};
}

// Their machines by one request, then their servers, a few at once.
Result<int> start_many(const CommandContext& context, Workspaces workspaces,
                       const Selection& selection) {
  const auto goes_on = TRY(what_goes_on(workspaces, selection));
  auto progress = progress_for(context);
  auto woken = workspaces.wake(selection.rows, *progress, context.wait());
  progress->close(woken ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
  progress.reset();
  if (!woken && woken.error().reason == Reason::interrupted) woken.error().hint = goes_on;
  TRY(woken);
  const auto threads = std::min(most_at_once, selection.rows.size());
  std::vector<Workspaces> of_thread;  // a journal and a provider have one thread
  of_thread.reserve(threads);
  of_thread.push_back(std::move(workspaces));
  while (of_thread.size() < threads) of_thread.push_back(TRY(context.workspaces()));
  const int status = for_each_at_once(
      context, selection, threads,
      [&](std::size_t thread, const WorkspaceRow& row, Progress& shown) -> Result<std::string> {
        auto& own = of_thread[thread];
        const auto result = TRY(own.start(row, shown, context.wait()));
        return ready_lines(context, own, row, result);
      });
  if (status == status_of(Exit::interrupted) && !goes_on.empty()) {
    context.world.terminal.err("  " + goes_on + "\n");
  }
  return status;
}

Result<int> run_start(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto selection = TRY(select(context, workspaces));
  if (selection.rows.empty() && selection.missing.empty()) {
    context.world.terminal.err(
        "There is no workspace. carrel up makes one of the current folder.\n");
  }
  if (selection.rows.size() > 1) return start_many(context, std::move(workspaces), selection);
  return for_each(context, selection, [&](const WorkspaceRow& row) -> Result<> {
    auto progress = progress_for(context);
    auto result = workspaces.start(row, *progress, context.wait());
    progress->close(result ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
    progress.reset();
    if (!result) return std::unexpected(std::move(result).error());
    context.world.terminal.out(TRY(ready_lines(context, workspaces, row, *result)));
    return {};
  });
}

}  // namespace

Command start_command() {
  return {.name = "start",
          .group = "Start and stop",
          .summary = "start workspaces that were stopped or have failed",
          .arguments = {workspaces_argument()},
          .options = {all_option(), json_option()},
          .text =
              "Starts Jupyter again with the environment that the workspace has, and runs a cell "
              "to prove it. What was "
              "installed by hand is still there. Several are started eight at a time; each says "
              "that it is up as soon as it is.\n\n"
              "    carrel start digits\n"
              "    carrel start --all",
          .run = run_start};
}

}  // namespace carrel::cli
