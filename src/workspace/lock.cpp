#include "workspace/lock.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/world.hpp"

#include <filesystem>

#include <fmt/format.h>

namespace carrel {

Result<FileLock> lock_workspace(const World& world, const WorkspaceRow& row, Progress& progress,
                                const Wait& wait) {
  const auto path = world.paths.lock_of(row.id);
  TRY(make_private_folder(path.parent_path()));
  if (auto lock = FileLock::acquire(path, Wait::at_most(Milliseconds(0)));
      lock || lock.error().reason != Reason::busy) {
    return lock;
  }
  progress.note(fmt::format("another carrel is busy with {}: waiting for it", row.name.text()));
  return FileLock::acquire(path, wait);
}

}  // namespace carrel
