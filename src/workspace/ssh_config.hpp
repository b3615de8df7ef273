// The machines of workspaces as entries for the person's own ssh, and what uses it (VS Code, rsync,
// git): `carrel-NAME` and `NAME.carrel`. A ProxyCommand finds the machine's address at each
// connection, so what is written here is right as long as the workspace has its machine; it is
// written anew when one comes or goes.
//
// Only machines whose host keys are pinned are in it, and no connection is made to any other key.
#pragma once

#include "base/error.hpp"
#include "workspace/journal.hpp"
#include "workspace/paths.hpp"
#include "workspace/world.hpp"

#include <filesystem>

namespace carrel {

inline std::filesystem::path ssh_config_of(const WorkspacePaths& paths) {
  return paths.state / "ssh_config";
}
Result<> write_ssh_config(const World& world, Journal& journal);

// One line in the person's ~/.ssh/config, before all others: what stands below a Host would hold
// for that alone. Nothing else of the file changes, a link stays one. False: nothing was to be
// done.
Result<bool> install_ssh_config(const std::filesystem::path& home, const WorkspacePaths& paths);
Result<bool> uninstall_ssh_config(const std::filesystem::path& home, const WorkspacePaths& paths);

}  // namespace carrel
