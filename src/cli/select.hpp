// Which workspaces a command means: NAME..., --all, or that of the current folder.
#pragma once

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/json.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::cli {

struct Selection {
  std::vector<WorkspaceRow> rows;  // each once, in the order they were named
  Missing missing;                 // names that are none, with the error for each
};

// Fails only when nothing can be said at all (a journal that cannot be read, NAME together with
// --all).
Result<Selection> select(const CommandContext& context, Workspaces& workspaces);
// The one workspace of argument NAME, or the current folder's.
Result<WorkspaceRow> select_one(const CommandContext& context, Workspaces& workspaces);

// Tells the person (and under --json the program) of an error; gives its exit status.
// `of`: the name of one workspace of several.
int report(const CommandContext& context, const Error& error, std::string_view of = {});
int worst(int one, int other);

// `act` for each that was selected. Every one is tried, each error is told; an interrupt ends it.
// The worst exit status.
int for_each(const CommandContext& context, const Selection& selection,
             const std::function<Result<>(const WorkspaceRow&)>& act);

}  // namespace carrel::cli
