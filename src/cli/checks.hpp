// What `doctor` looks at: each check says what was found and, when something is missing, the
// command that mends it.
#pragma once

#include "cli/command.hpp"
#include "workspace/check.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace carrel::cli {

// How this computer installs a package: "sudo apt install git", "brew install git", "install git".
std::string install_command(const std::string& package, const Environment& environment,
                            unsigned user);

Check check_python(const CommandContext& context);
Check check_venv(const CommandContext& context);
Check check_uv(const CommandContext& context);
Check check_git(const CommandContext& context);
Check check_node(const CommandContext& context);
Check check_ssh(const CommandContext& context);
Check check_gpu(const CommandContext& context);

Check check_writable(const std::string& name, const std::filesystem::path& folder);
Check check_disk(const std::filesystem::path& folder);
Check check_journal(const std::filesystem::path& journal);
Check check_sockets(const WorkspacePaths& paths);
Check check_temporary();

std::vector<Check> all_checks(const CommandContext& context);

}  // namespace carrel::cli
