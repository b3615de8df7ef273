// One command at a time changes a workspace.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/world.hpp"

namespace carrel {

// Says so through `progress` when another has it, and waits.
Result<FileLock> lock_workspace(const World& world, const WorkspaceRow& row, Progress& progress,
                                const Wait& wait);

}  // namespace carrel
