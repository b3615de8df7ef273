#include "workspace/ssh_config.hpp"

#include "base/error.hpp"
#include "channel/ssh_target.hpp"
#include "os/file.hpp"
#include "workspace/journal.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"
#include "workspace/world.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <system_error>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr mode_t private_mode = 0600;
constexpr std::string_view head =
    "# Written by carrel, and written over: the machines of its workspaces.\n";

Result<std::string> include_line(const WorkspacePaths& paths) {
  const auto file = ssh_config_of(paths).string();
  if (file.find_first_of("\"\\\n\r*?[") != std::string::npos || file.contains("${") ||
      file.contains('%')) {
    return fail({.what = fmt::format("ssh cannot include {}", file),
                 .why = "its name has characters that ssh would misread",
                 .hint = "a plainer XDG_STATE_HOME",
                 .trace = {}});
  }
  return fmt::format("Include \"{}\"\n", file);
}

// The file that is to be written: where a link leads.
fs::path file_of(const fs::path& home) {
  const auto file = home / ".ssh/config";
  std::error_code error;
  const auto real = fs::canonical(file, error);
  return error ? file : real;
}

Result<std::string> text_of(const fs::path& file) {
  auto text = read_file(file);
  if (!text && text.error().reason == Reason::not_found) return std::string();
  return text;
}

Result<> write(const fs::path& file, std::string_view text) {
  std::error_code error;
  const auto status = fs::status(file, error);
  const bool is_new = error || status.type() == fs::file_type::not_found;
  return write_file(file, text,
                    is_new ? private_mode : static_cast<mode_t>(status.permissions()) & 07777U);
}

}  // namespace

Result<> write_ssh_config(const World& world, Journal& journal) {
  auto text = std::string(head);
  const auto machines = TRY(journal.machines());
  for (const auto& row : TRY(journal.listing())) {
    const auto machine = machines.find(row.id);
    if (machine == machines.end()) continue;
    const auto provider = world.providers.find(machine->second.machine.provider);
    if (provider == world.providers.end()) continue;
    const auto target = provider->second->way(machine->second.machine);
    if (!target) continue;
    auto proxy = world.proxy_program;
    proxy.push_back(row.id.text());
    const auto& name = row.name.text();
    text += TRY(ssh_host_entry(*target, {"carrel-" + name, name + ".carrel"}, proxy));
  }
  const auto file = ssh_config_of(world.paths);
  if (TRY(text_of(file)) == text) return {};
  return write_file(file, text, private_mode);
}

Result<bool> install_ssh_config(const fs::path& home, const WorkspacePaths& paths) {
  const auto line = TRY(include_line(paths));
  const auto file = file_of(home);
  const auto text = TRY(text_of(file));
  if (text.starts_with(line)) return false;
  std::error_code error;
  if (!fs::exists(file.parent_path(), error)) TRY(make_private_folder(file.parent_path()));
  TRY(write(file, line + text));
  return true;
}

Result<bool> uninstall_ssh_config(const fs::path& home, const WorkspacePaths& paths) {
  const auto line = TRY(include_line(paths));
  const auto file = file_of(home);
  auto text = TRY(text_of(file));
  const auto at = text.find(line);
  if (at == std::string::npos || (at != 0 && text[at - 1] != '\n')) return false;
  text.erase(at, line.size());
  if (text.empty()) {
    TRY(remove_tree(file));
  } else {
    TRY(write(file, text));
  }
  return true;
}

}  // namespace carrel
