#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "machine/lifetime.hpp"
#include "workspace/workspaces.hpp"

#include <fmt/format.h>

namespace carrel::cli {
namespace {

Result<int> run_extend(CommandContext& context) {
  const auto& clock = context.world.clock;
  const auto extension = TRY(parse_extension(context.given.one("DURATION"), clock.wall()));
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  auto progress = progress_for(context);
  const auto ends = workspaces.extend(row, extension, *progress, context.wait());
  progress->close(ends ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
  progress.reset();
  if (!ends) return fail(ends.error());
  context.world.terminal.out(
      fmt::format("{} powers itself off {}; by force five minutes later. Its next start has its "
                  "lifetime again.\n",
                  row.name.text(), when_text(*ends, clock.wall())));
  return 0;
}

}  // namespace

Command extend_command() {
  return {.name = "extend",
          .group = "Start and stop",
          .summary = "move the time at which a machine powers itself off",
          .arguments = {{.name = "NAME",
                         .help = "a workspace",
                         .required = true,
                         .offers = Offers::workspaces},
                        {.name = "DURATION",
                         .help = "12h: from now; +2h: later than now planned; 18:00",
                         .required = true}},
          .text =
              "A machine that is paid for powers itself off when its lifetime is over, whatever "
              "else happens. This sets the timer on the machine anew, asks it whether it will act "
              "on it, and says the time of day. At most a week from now, or the lifetime that it "
              "was made with. At its next start the lifetime counts from the beginning.\n\n"
              "    carrel extend digits 3h\n"
              "    carrel extend digits +90m\n"
              "    carrel extend digits 18:00",
          .run = run_extend};
}

}  // namespace carrel::cli
