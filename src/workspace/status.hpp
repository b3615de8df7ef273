// One workspace as people and programs see it.
#pragma once

#include "base/error.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

namespace carrel {

// Without asking the server itself: `kernels` stays open.
Result<WorkspaceStatus> status_of(const World& world, Journal& journal, const WorkspaceRow& row,
                                  const Wait& wait);

}  // namespace carrel
