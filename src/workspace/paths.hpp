// Where Carrel keeps things (XDG Base Directory Specification 0.8). Pure.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "environment/environment.hpp"
#include "os/process.hpp"

#include <filesystem>

namespace carrel {

struct WorkspacePaths {
  std::filesystem::path state;  // $XDG_STATE_HOME/carrel: journal.db, workspaces/ID/ (0700)
  std::filesystem::path data;   // $XDG_DATA_HOME/carrel
  std::filesystem::path cache;  // $XDG_CACHE_HOME/carrel
  std::filesystem::path
      run;  // sockets: state/run, or /tmp/carrel-UID where that path is too long for a socket

  // HOME must be set; relative XDG values are ignored, as the specification says.
  static Result<WorkspacePaths> from(const Environment& environment, unsigned uid);

  EnvironmentPaths environment() const { return {.cache = cache, .data = data}; }
  std::filesystem::path journal() const { return state / "journal.db"; }
  std::filesystem::path ports_lock() const { return state / "ports.lock"; }
  std::filesystem::path of(const WorkspaceId& id) const { return state / "workspaces" / id.text(); }
  std::filesystem::path lock_of(const WorkspaceId& id) const { return state / "locks" / id.text(); }
  std::filesystem::path runtime_of(const WorkspaceId& id) const { return run / id.short_text(); }
};

}  // namespace carrel
