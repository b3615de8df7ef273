// Several workspaces at once, on a few threads, and one screen for them: what each says comes
// whole, with its name.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "cli/command.hpp"
#include "cli/select.hpp"

#include <cstddef>
#include <functional>
#include <string>

namespace carrel::cli {

inline constexpr std::size_t most_at_once = 8;

// Called on several threads; `thread`, from 0, is the one that it is on. What it gives goes to
// standard output.
using ActAtOnce = std::function<Result<std::string>(std::size_t thread, const WorkspaceRow& row,
                                                    Progress& progress)>;

// `act` brings up each that was selected; otherwise as for_each.
int for_each_at_once(const CommandContext& context, const Selection& selection, std::size_t threads,
                     const ActAtOnce& act);

}  // namespace carrel::cli
