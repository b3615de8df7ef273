// How commands, files and sockets reach a machine. The same code above works over every kind:
// directly (this computer), through OpenSSH, through OpenSSH behind a ProxyCommand.
//
// Errors: Reason::refused (the machine said no), unreachable (it did not answer: says nothing about
// its state), unverified (it is not who it should be). A command that ran and failed is no error:
// its status is in the result. Paths are absolute paths on the machine.
#pragma once

#include "base/error.hpp"
#include "os/connection.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct SshTarget;

struct Command {
  std::vector<std::string> argv;
  Environment environment;  // added to the machine's own for this person
  Environment
      templates;  // added likewise; ${NAME} in a value is the machine\'s variable (templates.hpp)
  std::vector<std::string> without;  // variables taken away first; "CONDA_*" names a prefix
  std::optional<std::filesystem::path> folder;  // working directory
  std::string input;                            // on standard input
  int input_from = -1;  // a descriptor of this computer: what it holds comes after `input`
  // Takes standard output as it comes, byte by byte, in place of `on_output` and the result; false
  // ends the command.
  std::function<bool(std::string_view)> on_bytes;
  bool terminal = false;                            // the person's terminal is the command's
  std::function<void(std::string_view)> on_output;  // each line as it comes
  bool keep_output = true;  // false: standard output goes to `on_output` alone, however much it is
  // Where the machine is another one, it goes on there by itself when the connection is lost or the
  // caller is interrupted: for work that is long, and that finds itself done or under way when it
  // is asked for again. Without input, `on_bytes` and terminal.
  bool lasting = false;
};

struct PutFile {
  std::filesystem::path path;  // relative to the tree's root
  std::string bytes;
  mode_t mode = 0600;
};

class Channel {
 public:
  virtual ~Channel() = default;
  // How ssh gets there, for a process that outlives this one; none: not by ssh.
  virtual const SshTarget* way() const { return nullptr; }
  virtual Result<ProcessResult> run(const Command& command, const Wait& wait) = 0;
  // Writes the files under `root`, making folders (0700); each file whole or not at all.
  virtual Result<> put(const std::filesystem::path& root, const std::vector<PutFile>& files,
                       const Wait& wait) = 0;
  virtual Result<std::string> get(const std::filesystem::path& path,
                                  const Wait& wait) = 0;  // Reason::not_found
  // A unix socket of the machine as an endpoint of this computer.
  virtual Result<Endpoint> forward(const std::filesystem::path& socket, const Wait& wait) = 0;
  virtual Result<bool> is_folder(const std::filesystem::path& path, const Wait& wait) = 0;
  virtual Result<> remove(const std::filesystem::path& tree,
                          const Wait& wait) = 0;  // missing: done

  // Long-lived processes, known by pid, start time and boot.
  virtual Result<bool> alive(const ProcessId& process, const Wait& wait) = 0;
  // SIGTERM to it; when it has gone, or `grace` is over, SIGKILL to whatever still carries
  // NAME=VALUE in its environment and to the descendants of that, until nothing is left. A process
  // that is gone already: only the second half.
  virtual Result<> end(const std::optional<ProcessId>& process, std::string_view name,
                       std::string_view value, Milliseconds grace, const Wait& wait) = 0;
};

}  // namespace carrel
