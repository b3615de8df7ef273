#include "channel/ssh_target.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

std::unexpected<Error> cannot_use(std::string_view what, std::string_view value) {
  return fail({.what = fmt::format("cannot use \"{}\" as {} for ssh", printable(value), what),
               .why = value.empty() ? "it is empty" : "it has characters that ssh would misread",
               .hint = {},
               .trace = {}});
}

Result<std::string> word(std::string_view what, const std::string& value) {
  const auto is_plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("._:@+-").contains(c);
  };
  if (value.empty() || value.front() == '-' || !std::ranges::all_of(value, is_plain)) {
    return cannot_use(what, value);
  }
  return value;
}

// %: tokens; ${}: variables, which nothing escapes.
Result<std::string> path(std::string_view what, const std::filesystem::path& path) {
  const std::string& text = path.native();
  if (!path.is_absolute() || text.contains("${") ||
      text.find_first_of("\"\\\n\r") != std::string::npos || text.contains('\0')) {
    return cannot_use(what, text);
  }
  return '"' + join(split(text, '%'), "%%") + '"';
}

}  // namespace

Result<std::string> ssh_config(const SshTarget& target, const std::filesystem::path& sockets) {
  std::vector<std::pair<std::string, std::string>> options = {
      {"BatchMode", "yes"},
      {"LogLevel", "INFO"},
      {"StrictHostKeyChecking", "yes"},
      {"UserKnownHostsFile", TRY(path("the file of host keys", target.known_hosts))},
      {"GlobalKnownHostsFile", "/dev/null"},
      {"UpdateHostKeys", "no"},
      {"CheckHostIP", "no"},
      {"ControlMaster", "auto"},
      {"ControlPath", TRY(path("a folder of sockets", sockets / "master"))},
      {"ControlPersist", fmt::to_string(target.persist.count())},
      {"ConnectTimeout", fmt::to_string(target.connect_timeout.count())},
      {"ServerAliveInterval", fmt::to_string(target.keep_alive.count())},
      {"ServerAliveCountMax", "3"},
      {"StreamLocalBindUnlink", "yes"},
      {"ForwardAgent", "no"},
      {"ForwardX11", "no"},
      {"PermitLocalCommand", "no"},
      {"RemoteCommand", "none"}};
  if (!target.user.empty()) options.emplace_back("User", TRY(word("a login name", target.user)));
  if (target.config.empty() || target.port != 22) {
    options.emplace_back("Port", fmt::to_string(target.port));
  }
  if (!target.host_key_alias.empty()) {
    options.emplace_back("HostKeyAlias", TRY(word("a name of host keys", target.host_key_alias)));
  }
  if (!target.identity.empty()) {
    options.emplace_back("IdentityFile", TRY(path("a key", target.identity)));
    options.emplace_back("IdentitiesOnly", "yes");
    options.emplace_back("IdentityAgent", "none");
  }
  if (!target.proxy_command.empty()) {
    if (target.proxy_command.find_first_of("\n\r") != std::string::npos ||
        target.proxy_command.contains('\0')) {
      return cannot_use("a command that connects", target.proxy_command);
    }
    options.emplace_back("ProxyCommand", target.proxy_command);
  }
  // not for a machine in between, which has its own connection
  std::string text = "Host " + TRY(word("a host", target.host)) + "\n";
  for (const auto& [name, value] : options) text += fmt::format("  {} {}\n", name, value);
  if (!target.config.empty()) {
    text += "Match all\n  Include " + TRY(path("a configuration", target.config)) + "\n";
  }
  return text;
}

Result<std::string> ssh_host_entry(const SshTarget& target, const std::vector<std::string>& names,
                                   const std::vector<std::string>& proxy_command) {
  std::string text = "Host";
  for (const auto& name : names) text += " " + TRY(word("a host", name));
  const auto command = shell_joined(proxy_command);
  if (command.find_first_of("\n\r") != std::string::npos || command.contains('\0')) {
    return cannot_use("a command that connects", command);
  }
  const std::vector<std::pair<std::string, std::string>> options = {
      {"HostName", TRY(word("a host", target.host_key_alias))},
      {"User", TRY(word("a login name", target.user))},
      {"IdentityFile", TRY(path("a key", target.identity))},
      {"IdentitiesOnly", "yes"},
      {"IdentityAgent", "none"},
      {"HostKeyAlias", TRY(word("a name of host keys", target.host_key_alias))},
      {"UserKnownHostsFile", TRY(path("the file of host keys", target.known_hosts))},
      {"GlobalKnownHostsFile", "/dev/null"},
      {"StrictHostKeyChecking", "yes"},
      {"UpdateHostKeys", "no"},
      {"CheckHostIP", "no"},
      {"ServerAliveInterval", fmt::to_string(target.keep_alive.count())},
      {"ProxyCommand", join(split(command, '%'), "%%")}};
  for (const auto& [name, value] : options) text += fmt::format("\n  {} {}", name, value);
  return text + "\n";
}

// In ssh's -L: a colon separates, % is a token, a backslash escapes.
std::string forward_path(const std::filesystem::path& path) {
  std::string escaped;
  for (const char c : path.native()) {
    if (c == ':' || c == '\\') escaped += '\\';
    escaped += c;
    if (c == '%') escaped += c;
  }
  return escaped;
}

std::string name_of(const SshTarget& target) {
  return target.user.empty() ? target.host : target.user + "@" + target.host;
}

}  // namespace carrel
