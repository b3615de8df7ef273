// Where an SshChannel leads, and ssh's own configuration made of it. Values; pure.
#pragma once

#include "base/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace carrel {

struct SshTarget {
  std::string host;  // a name, an address, or an alias of `config`
  std::uint16_t port = 22;
  std::string user;
  // The private key, 0600: with it no other key and no agent is asked. Empty: as `config` says.
  std::filesystem::path identity;
  // Host keys are always verified, against this file alone; ssh never writes to it. There is no
  // other mode.
  std::filesystem::path known_hosts;
  std::string host_key_alias;  // the machine's name in `known_hosts`; empty: host and port
  // Sockets and ssh's configuration live in a folder of the channel's own below this one (0700).
  // At most `longest_socket_folder` bytes: a socket's path has 107, and ssh needs some.
  std::filesystem::path folder;
  std::string proxy_command;     // as ssh_config(5) has it, %-tokens and all; empty: none
  std::filesystem::path config;  // an ssh_config(5) for all that is not said here; empty: none
  std::chrono::seconds connect_timeout{15};
  // The connection is given up after three silent intervals.
  std::chrono::seconds keep_alive{5};
  // How long the connection stays when nothing is open: no command, no stream of a forward.
  std::chrono::seconds persist{60};
};

constexpr std::size_t longest_socket_folder = 72;

// The text of an ssh_config(5) with `sockets` as the channel's own folder. Values that such a file
// cannot hold (a quote, a newline) are errors.
Result<std::string> ssh_config(const SshTarget& target, const std::filesystem::path& sockets);

// The entry of an ssh_config(5) for a person's own ssh: `names` for the host, which is reached by
// `proxy_command` alone; the target's login, key and host keys, and nothing else of it.
Result<std::string> ssh_host_entry(const SshTarget& target, const std::vector<std::string>& names,
                                   const std::vector<std::string>& proxy_command);

// One half of what ssh's -L takes.
std::string forward_path(const std::filesystem::path& path);

// "ubuntu@host", for people.
std::string name_of(const SshTarget& target);

}  // namespace carrel
