#include "base/error.hpp"
#include "cli/browser.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

// Left to itself: a first browser window runs for as long as the person likes. It gets its own
// group and no terminal.
Result<> start_browser(const CommandContext& context, std::vector<std::string> argv) {
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", R"("$@" </dev/null >/dev/null 2>&1 &)", "carrel"};
  for (auto& word : argv) spec.argv.push_back(std::move(word));
  spec.environment = context.world.environment;
  auto started = context.world.processes.run(
      spec, Wait::at_most(Milliseconds(10'000), &context.world.interrupt));
  if (!started)
    return std::unexpected(std::move(started).error().while_doing("starting the browser"));
  return {};
}

Result<int> print_ticket(const CommandContext& context, Workspaces& workspaces,
                         const WorkspaceRow& row, const std::string& why) {
  const auto address = TRY(workspaces.ticket_url(row, context.wait()));
  auto& terminal = context.world.terminal;
  terminal.out(address.reveal() + "\n");
  terminal.err((why.empty() ? "" : one_line(why) + ".\n") +
               "It signs in once, within ten minutes; whoever has it can use it.\n");
  return 0;
}

Result<int> open_row(CommandContext& context, Workspaces& workspaces, const WorkspaceRow& row) {
  if (context.given.has("--print")) return print_ticket(context, workspaces, row, {});
  // Asked before the file is made, so that none lies about in vain.
  const auto browser = find_browser(context.world.environment, "/");
  if (browser.argv.empty()) return print_ticket(context, workspaces, row, browser.why_not);
  const auto file = TRY(workspaces.redirect_file(row, context.wait()));
  auto chosen = find_browser(context.world.environment, file.string());
  const auto program = chosen.argv.front();
  TRY(start_browser(context, std::move(chosen.argv)));
  context.world.terminal.err("Opening " + row.name.text() + " with " + one_line(program) +
                             ". If nothing appears: carrel open --print " + row.name.text() + "\n");
  return 0;
}

Result<int> run_open(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  auto status = open_row(context, workspaces, row);
  for (const auto& note : workspaces.notes()) context.world.terminal.err(one_line(note) + ".\n");
  return status;
}

Result<int> run_url(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  std::string url;
  if (context.given.has("--with-token")) {
    url = TRY(workspaces.token_url(row, context.wait())).reveal();
  } else {
    url = TRY(workspaces.details(row, context.wait())).status.url;
  }
  if (url.empty()) {
    return fail({.what = row.name.text() + " is not running and has no address",
                 .why = {},
                 .hint = "carrel start " + row.name.text(),
                 .exit = Exit::failed,
                 .reason = Reason::other,
                 .trace = {}});
  }
  context.world.terminal.out(context.json() ? url_json(row, url) : url + "\n");
  return 0;
}

}  // namespace

Command open_command() {
  return {.name = "open",
          .group = "Work",
          .summary = "open a workspace in the browser, signed in",
          .arguments = {workspace_argument()},
          .options = {{.name = "--print",
                       .help = "print an address that signs in once, and start no browser"}},
          .text =
              "The browser is what `BROWSER` names, else the desktop's. It is given a file that "
              "only you can read, so "
              "that no secret stands in the list of processes. Over SSH or without a display the "
              "address is printed: "
              "it signs in once, within ten minutes.\n\n"
              "    carrel open digits\n"
              "    carrel open --print",
          .run = run_open};
}

Command url_command() {
  return {.name = "url",
          .group = "Work",
          .summary = "print a workspace's address",
          .arguments = {workspace_argument()},
          .options = {{.name = "--with-token",
                       .help = "an address that signs in every time: keep it secret"},
                      json_option()},
          .text =
              "Without `--with-token` the address holds no secret: the page asks who you are.\n\n"
              "    carrel url digits\n"
              "    curl \"$(carrel url --with-token digits)\"",
          .run = run_url};
}

}  // namespace carrel::cli
