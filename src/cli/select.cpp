#include "cli/select.hpp"

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/json.hpp"
#include "cli/show.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {

Result<Selection> select(const CommandContext& context, Workspaces& workspaces) {
  const auto names = context.given.all("NAME");
  Selection selection;
  if (context.given.has("--all")) {
    if (!names.empty()) return usage_error("either names or --all, not both");
    selection.rows = TRY(workspaces.all());
    return selection;
  }
  if (names.empty()) {
    selection.rows.push_back(TRY(workspaces.find("", context.world.folder)));
    return selection;
  }
  for (const auto& name : names) {
    auto row = workspaces.find(name, context.world.folder);
    if (!row) {
      selection.missing.emplace_back(name, std::move(row).error());
      continue;
    }
    const auto same = [&](const WorkspaceRow& other) { return other.id == row->id; };
    if (std::ranges::none_of(selection.rows, same)) selection.rows.push_back(std::move(*row));
  }
  return selection;
}

Result<WorkspaceRow> select_one(const CommandContext& context, Workspaces& workspaces) {
  return workspaces.find(context.given.one("NAME"), context.world.folder);
}

int report(const CommandContext& context, const Error& error, std::string_view of) {
  auto& terminal = context.world.terminal;
  const auto look = look_of(terminal, Output::err, context.world.environment);
  terminal.err(error_text(error, look));
  if (context.json()) terminal.out(error_event(error, of));
  return status_of(error.reason == Reason::interrupted ? Exit::interrupted : error.exit);
}

int worst(int one, int other) {
  return std::max(one, other);
}

int for_each(const CommandContext& context, const Selection& selection,
             const std::function<Result<>(const WorkspaceRow&)>& act) {
  int status = 0;
  for (const auto& [name, error] : selection.missing)
    status = worst(status, report(context, error));
  for (const auto& row : selection.rows) {
    auto done = act(row);
    if (done) continue;
    status = worst(status, report(context, done.error()));
    if (done.error().reason == Reason::interrupted) break;
  }
  return status;
}

}  // namespace carrel::cli
