#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "files/copy.hpp"
#include "files/meter.hpp"
#include "workspace/workspaces.hpp"

#include <cstddef>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel::cli {
namespace {

struct Place {
  std::optional<std::string> workspace;  // none: this computer
  std::string path;
};

// As scp reads it: what is before the first ':' is a name unless it has a '/'.
Place place_of(const std::string& word) {
  const auto colon = word.find(':');
  if (colon == std::string::npos || word.find('/') < colon) return {.path = word};
  return {.workspace = word.substr(0, colon), .path = word.substr(colon + 1)};
}

Result<int> run_cp(CommandContext& context) {
  const auto words = context.given.all("PATH");
  if (words.size() < 2) {
    return usage_error("cp takes what to copy and where to",
                       "carrel cp NAME:FILE .    or    carrel cp FILE NAME:");
  }
  const auto to = place_of(words.back());
  CopyRequest request{.direction = to.workspace ? Direction::out : Direction::home};
  auto name = to.workspace;
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    const auto from = place_of(words[at]);
    const bool fits = to.workspace ? !from.workspace : from.workspace.has_value();
    if (!fits || (name && from.workspace && *name != *from.workspace)) {
      return usage_error("cp goes between this computer and one workspace",
                         "NAME:PATH on one side, a path of this computer on the other; a file here "
                         "with a colon is ./FILE");
    }
    if (from.workspace) name = from.workspace;
    request.from.emplace_back(from.workspace ? std::filesystem::path(from.path)
                                             : context.world.folder / from.path);
  }
  request.to = to.workspace ? to.path : (context.world.folder / to.path).string();
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(workspaces.find(*name, context.world.folder));
  auto progress = progress_for(context);
  auto report = workspaces.copy(row, std::move(request), *progress, context.wait());
  progress->close(report ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
  progress.reset();
  if (!report) return std::unexpected(std::move(report).error());
  std::string text = amount(report->files, report->bytes) + " copied";
  if (report->there_already > 0) {
    text += fmt::format(", {} there already", report->there_already);
  }
  context.world.terminal.out(context.json() ? copied_event(row, *report) : text + "\n");
  return 0;
}

}  // namespace

Command cp_command() {
  return {
      .name = "cp",
      .group = "Files",
      .summary = "copy files to or from a workspace's machine",
      .arguments = {{.name = "PATH",
                     .help = "what to copy, then where to; `NAME:PATH` is in the folder of that "
                             "workspace",
                     .required = true,
                     .many = true,
                     .offers = Offers::files}},
      .options = {json_option()},
      .text =
          "Files and whole folders, whatever the ignore rules of `carrel push` say. A folder that "
          "exists takes what is "
          "copied into it; a file that exists is overwritten. Links are copied as links. What is "
          "there already with the "
          "same size and time is not sent again, so the same command goes on where one was cut "
          "off.\n\n"
          "    carrel cp digits:model.pt .\n"
          "    carrel cp digits:runs/a digits:runs/b results/\n"
          "    carrel cp data.zip digits:\n",
      .run = run_cp};
}

}  // namespace carrel::cli
