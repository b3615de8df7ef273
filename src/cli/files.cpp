#include "cli/files.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "files/exchange.hpp"
#include "files/meter.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel::cli {
namespace {

constexpr std::size_t most_listed = 10;
constexpr std::uint64_t most_unasked = 500'000'000;

std::string part(const std::string& head, const std::vector<std::string>& paths) {
  return paths.empty() ? std::string() : head + "\n" + short_list(paths);
}

}  // namespace

std::string short_list(const std::vector<std::string>& paths) {
  std::string text;
  for (std::size_t at = 0; at < paths.size() && at < most_listed; ++at) {
    text += "  " + one_line(paths[at]) + "\n";
  }
  if (paths.size() > most_listed) {
    text += fmt::format("  and {} more\n", paths.size() - most_listed);
  }
  return text;
}

Result<int> pull_home(const CommandContext& context, Workspaces& workspaces,
                      const WorkspaceRow& row) {
  auto progress = progress_for(context);
  auto report = workspaces.pull(row, *progress, context.wait());
  progress->close(report ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
  progress.reset();
  if (!report) return std::unexpected(std::move(report).error());
  auto& terminal = context.world.terminal;
  std::vector<std::string> beside;
  for (const auto& [path, copy] : report->beside)
    beside.push_back(fmt::format("{} -> {}", path, copy));
  terminal.err(part("changed on both sides; the machine's version is beside yours:", beside) +
               part("gone from this computer, still on the machine:", report->deleted_here) +
               part("gone from the machine, still here:", report->deleted_there));
  if (report->left_out > 0) {
    terminal.err(fmt::format(
        "{} on the machine that your ignore rules leave there; carrel cp {}:PATH . brings one\n",
        report->left_out == 1 ? std::string("1 file") : fmt::format("{} files", report->left_out),
        row.name.text()));
  }
  terminal.out(context.json() ? exchange_event("pulled", row, *report)
                              : fmt::format("{}: {} brought home\n", row.name.text(),
                                            amount(report->files, report->bytes)));
  return status_of(report->beside.empty() ? Exit::done : Exit::failed);
}

Result<bool> agree_to_send(const CommandContext& context, const FolderSize& size) {
  if (size.bytes <= most_unasked || context.given.has("--yes") || context.given.has("--dry-run")) {
    return true;
  }
  auto& terminal = context.world.terminal;
  const auto what = fmt::format("the folder has {} to send", amount(size.files, size.bytes));
  const std::string other = "leave data out with .gitignore or .carrelignore";
  if (!terminal.can_ask()) {
    return fail({.what = what + ", and there is no terminal to ask on",
                 .hint = other + ", or the same command with --yes",
                 .exit = Exit::act});
  }
  const auto question =
      fmt::format("{}{} ({}).\nSend it? [y/N] ", char(what[0] - 'a' + 'A'), what.substr(1), other);
  const auto word = std::string(trimmed(TRY(terminal.ask(question, context.wait()))));
  return word == "y" || word == "Y" || word == "yes";
}

}  // namespace carrel::cli
