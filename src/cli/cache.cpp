#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/show.hpp"
#include "environment/environment.hpp"
#include "workspace/workspaces.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace carrel::cli {
namespace {

std::string table_of(const std::vector<CacheEntry>& entries, const Look& look, bool fit) {
  Table table{.head = {"WHAT", "NAME", "SIZE", "USED BY"}, .rows = {}, .stretch = 1};
  for (const auto& entry : entries) {
    table.rows.push_back({one_line(entry.what), one_line(entry.name), size_text(entry.bytes),
                          entry.removable         ? "nobody"
                          : entry.used_by.empty() ? "Carrel"
                                                  : join(entry.used_by, ", ")});
  }
  return table.text(look, fit);
}

std::string pieces(std::size_t count) {
  return count == 1 ? "1 entry" : std::to_string(count) + " entries";
}

Result<bool> agreed(const CommandContext& context, std::size_t count, std::uint64_t bytes) {
  if (context.given.has("--yes")) return true;
  auto& terminal = context.world.terminal;
  if (!terminal.can_ask()) {
    return fail({.what = "cache --prune asks before it removes, and there is no terminal to ask on",
                 .why = {},
                 .hint = "carrel cache --prune --yes",
                 .exit = Exit::act,
                 .reason = Reason::other,
                 .trace = {}});
  }
  const auto answer = TRY(terminal.ask(
      "Remove " + pieces(count) + " that nobody uses, " + size_text(bytes) + "? [y/N] ",
      context.wait()));
  const auto word = trimmed(answer);
  return word == "y" || word == "Y" || word == "yes";
}

Result<int> run_cache(CommandContext& context) {
  auto workspaces = TRY(context.workspaces());
  const auto entries = TRY(workspaces.cache(context.wait()));
  auto& terminal = context.world.terminal;
  const bool json = context.json();
  const bool prune = context.given.has("--prune");
  if (!json && entries.empty()) {
    terminal.err("The cache is empty.\n");
    return 0;
  }
  if (!json) {
    terminal.out(table_of(entries, look_of(terminal, Output::out, context.world.environment),
                          terminal.output_is_terminal()));
  }
  std::vector<CacheEntry> removable;
  std::uint64_t bytes = 0;
  for (const auto& entry : entries) {
    if (!entry.removable) continue;
    removable.push_back(entry);
    bytes += entry.bytes;
  }
  if (prune && !removable.empty()) {
    if (!TRY(agreed(context, removable.size(), bytes))) {
      terminal.err("Nothing was removed.\n");
      return status_of(Exit::failed);
    }
    TRY(workspaces.prune(removable, context.wait()));
  }
  if (json) {
    terminal.out(cache_json(entries, prune));
  } else if (removable.empty()) {
    terminal.err("Everything here is in use.\n");
  } else if (prune) {
    terminal.err("Removed " + pieces(removable.size()) + ", " + size_text(bytes) + ".\n");
  } else {
    terminal.err("Nobody uses " + size_text(bytes) +
                 " of it: carrel cache --prune removes that.\n");
  }
  return 0;
}

}  // namespace

Command cache_command() {
  return {.name = "cache",
          .group = "This computer",
          .summary = "show what environments take, and remove what nobody uses",
          .options = {{.name = "--prune", .help = "remove what no workspace uses"},
                      yes_option("do not ask"),
                      json_option()},
          .text =
              "Environments are made once and copied into workspaces by links that share their "
              "space. What no workspace "
              "uses any more can go; it is made again when it is needed.\n\n"
              "    carrel cache\n"
              "    carrel cache --prune",
          .run = run_cache};
}

}  // namespace carrel::cli
