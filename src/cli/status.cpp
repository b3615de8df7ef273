#include "base/error.hpp"
#include "base/money.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "workspace/state.hpp"
#include "workspace/workspaces.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

Style style_of(std::string_view word) {
  if (word == "up") return Style::green;
  if (word == "failed" || word == "gone") return Style::red;
  if (word == "stopped") return Style::plain;
  return Style::yellow;
}

std::string details_text(const CommandContext& context, const WorkspaceDetails& details) {
  const auto& status = details.status;
  const auto look = look_of(context.world.terminal, Output::out, context.world.environment);
  std::string text = styled(status.name.text(), Style::bold, look) + ": " +
                     styled(status.word, style_of(status.word), look);
  if (status.since) {
    text += " for " +
            duration_text(duration_cast<milliseconds>(context.world.clock.wall() - *status.since));
  }
  text += "\n";
  const auto add = [&](std::string_view head, std::string_view value) {
    if (value.empty()) return;
    text += "  " + styled(head, Style::dim, look) + std::string(13 - head.size(), ' ') +
            one_line(value) + "\n";
  };
  add("why", status.detail);
  add("folder", shown_folder(status.folder, context.variable("HOME")) +
                    (status.folder_exists ? "" : " (not there)"));
  add("address", status.url);
  if (status.public_reach) add("reach", "public: HTTPS, with a password");
  if (status.public_url != status.url) add("for others", status.public_url);
  add("environment", status.environment);
  add("added", join(details.added_by_hand, ", "));
  add("machine",
      std::string(to_string(status.machine)) +
          (status.machine_ref.place.empty() ? "" : " (" + status.machine_ref.place + ")"));
  add("Jupyter", to_string(status.server));
  for (const auto& kernel : details.kernels) {
    add("kernel", kernel.name + " " + kernel.execution_state + ", " +
                      std::to_string(kernel.connections) +
                      (kernel.connections == 1 ? " connection, " : " connections, ") +
                      kernel.id.substr(0, 8));
  }
  if (status.cost.micro_usd != 0) add("cost so far", to_string(status.cost));
  if (status.ends) {
    add("ends", "by itself, " + when_text(*status.ends, context.world.clock.wall()));
  }
  add("costs", cost_line(status.per_hour, status.machine_ref.place));
  add("log", details.log.string());
  if (!details.log_end.empty()) {
    text += "  the end of its log:\n";
    for (const auto& line : lines_of(details.log_end)) {
      text += "    " + printable_coloured(line, look.colours) + "\n";
    }
  }
  if (status.word == "failed" || status.word == "stopped" || status.word == "unfinished") {
    add("next", "carrel start " + status.name.text());
  }
  return text;
}

Result<int> run_status(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  auto selection = TRY(select(context, workspaces));
  auto& terminal = context.world.terminal;
  std::vector<WorkspaceDetails> list;
  for (const auto& row : selection.rows) {
    auto details = workspaces.details(row, context.wait());
    if (details) {
      list.push_back(std::move(*details));
      continue;
    }
    const bool interrupted = details.error().reason == Reason::interrupted;
    selection.missing.emplace_back(row.name.text(), std::move(details).error());
    if (interrupted) break;
  }
  int exit = 0;
  const auto look = look_of(terminal, Output::err, context.world.environment);
  for (const auto& [name, error] : selection.missing) {
    exit = worst(exit,
                 status_of(error.reason == Reason::interrupted ? Exit::interrupted : error.exit));
    terminal.err(error_text(error, look));
  }
  if (context.json()) {
    terminal.out(details_json(list, selection.missing));
    return exit;
  }
  if (list.empty() && selection.missing.empty()) {
    terminal.err("No workspaces yet. In a folder with notebooks, or an empty one: carrel up\n");
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    terminal.out((i == 0 ? "" : "\n") + details_text(context, list[i]));
  }
  return exit;
}

}  // namespace

Command status_command() {
  return {.name = "status",
          .group = "Look",
          .summary = "say how workspaces are, with kernels, packages and why",
          .arguments = {workspaces_argument()},
          .options = {all_option(), json_option()},
          .text =
              "For each workspace: its state and since when, its address (without any secret), its "
              "environment and what "
              "was added to it by hand, its kernels, and what it costs. Of one whose Jupyter has "
              "died, the end of its "
              "log.\n\n"
              "    carrel status\n"
              "    carrel status digits --json",
          .run = run_status};
}

}  // namespace carrel::cli
