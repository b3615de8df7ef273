// What the commands that move files share: short lists, and a pull that others offer, too.
#pragma once

#include "base/error.hpp"
#include "cli/command.hpp"
#include "workspace/workspaces.hpp"

#include <string>
#include <vector>

namespace carrel::cli {

// One path a line, printable and indented, ten at most and a count of the others; "" for none.
std::string short_list(const std::vector<std::string>& paths);

// Brings home and tells; the exit status.
Result<int> pull_home(const CommandContext& context, Workspaces& workspaces,
                      const WorkspaceRow& row);

// More than this is not sent without a yes.
Result<bool> agree_to_send(const CommandContext& context, const FolderSize& size);

}  // namespace carrel::cli
