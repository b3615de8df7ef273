#include "workspace/workspaces.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "os/file.hpp"
#include "workspace/elsewhere.hpp"
#include "workspace/journal.hpp"
#include "workspace/world.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {

Workspaces::Workspaces(World world, Journal journal)
    : world_(std::move(world)), journal_(std::move(journal)) {}

Result<Workspaces> Workspaces::open(World world) {
  TRY(make_private_folder(world.paths.state));
  auto journal = TRY(Journal::open(world.paths.journal()));
  return Workspaces(std::move(world), std::move(journal));
}

Result<std::vector<WorkspaceRow>> Workspaces::all() {
  return journal_.workspaces();
}

Result<WorkspaceRow> Workspaces::find(std::string_view name, const std::filesystem::path& here) {
  if (is_elsewhere(name)) return fail(only_from_its_computer(name));
  if (!name.empty()) {
    if (auto row = TRY(journal_.by_name(name))) return std::move(*row);
    std::vector<std::string> known;
    for (const auto& row : TRY(journal_.workspaces())) known.push_back(row.name.text());
    const auto near = nearest(name, known);
    return fail({.what = fmt::format("there is no workspace called {}", printable(name)),
                 .why = {},
                 .hint = near ? fmt::format("did you mean {}?", *near)
                              : "carrel ls shows those that there are",
                 .exit = Exit::usage,
                 .reason = Reason::not_found,
                 .trace = {}});
  }
  for (auto folder = here;; folder = folder.parent_path()) {
    if (auto row = TRY(journal_.by_folder(folder))) return std::move(*row);
    if (folder == folder.parent_path()) break;
  }
  return fail({.what = fmt::format("{} has no workspace, and no name was given", here.string()),
               .why = {},
               .hint = "carrel up makes one here; carrel ls shows those that there are",
               .exit = Exit::usage,
               .reason = Reason::not_found,
               .trace = {}});
}

}  // namespace carrel
