// The channel through the installed OpenSSH client, configured and called, never imitated. One
// connection (ControlMaster) carries every command; it is made by the first that needs it, made
// anew by the next one after it has broken, and ends with the channel, or after `persist` of quiet
// when this program was killed. Any thread.
//
// What it needs on the machine: a login shell that can `exec /bin/sh`, coreutils; for `end` awk and
// Linux's /proc. What the machine's ssh gives a command as its environment is "the machine's own".
//
// A deadline or Ctrl-C also ends the command on the machine, if it can still be reached within five
// seconds. A broken connection during a command is Reason::unreachable: how the command ended, or
// whether, is not known.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_target.hpp"
#include "os/connection.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

class SshChannel final : public Channel {
 public:
  // Connects to nothing yet. `environment` is ssh's own, on this computer.
  static Result<std::unique_ptr<SshChannel>> open(Processes& processes, Random& random,
                                                  Environment environment, SshTarget target);
  ~SshChannel() override;
  SshChannel(const SshChannel&) = delete;
  SshChannel& operator=(const SshChannel&) = delete;
  SshChannel(SshChannel&&) = delete;
  SshChannel& operator=(SshChannel&&) = delete;

  const SshTarget* way() const override { return &target_; }
  // The first line that the machine says to this login, whatever it is asked for; "": it says none.
  // For logins that are let in only to be told something (a forced command).
  Result<std::string> first_line(const Wait& wait);
  // With `terminal` the command has a terminal of the machine, if this program has one.
  Result<ProcessResult> run(const Command& command, const Wait& wait) override;
  // No file is put in its place before all have arrived.
  Result<> put(const std::filesystem::path& root, const std::vector<PutFile>& files,
               const Wait& wait) override;
  Result<std::string> get(const std::filesystem::path& path, const Wait& wait) override;
  // A socket in the channel's folder. It goes with the connection: ask again after
  // Reason::unreachable, the answer is the same. Nobody listening on the machine is seen as a
  // stream that ends at once.
  Result<Endpoint> forward(const std::filesystem::path& socket, const Wait& wait) override;
  Result<bool> is_folder(const std::filesystem::path& path, const Wait& wait) override;
  Result<> remove(const std::filesystem::path& tree, const Wait& wait) override;
  Result<bool> alive(const ProcessId& process, const Wait& wait) override;
  Result<> end(const std::optional<ProcessId>& process, std::string_view name,
               std::string_view value, Milliseconds grace, const Wait& wait) override;

 private:
  struct Session {
    std::string script;
    std::string input;
    std::function<void(std::string_view)> on_output;
    bool keep_output = true;
    int input_from = -1;
    std::function<bool(std::string_view)> on_bytes;
    bool lasting = false;  // what the error says of a connection that breaks
  };
  struct Said {
    std::string end;  // a status, or a word of command_script
    std::string output;
    std::string error;
  };
  SshChannel(Processes& processes, Random& random, Environment environment, SshTarget target,
             std::filesystem::path folder)
      : processes_(processes),
        random_(random),
        environment_(std::move(environment)),
        target_(std::move(target)),
        folder_(std::move(folder)) {}
  Result<Said> say(const Session& session, const Wait& wait);
  Result<ProcessResult> run_on_terminal(const Command& command, const Wait& wait);
  void end_session(std::string_view nonce);
  ProcessSpec ssh(std::vector<std::string> arguments, std::string line) const;
  std::string log_since(std::size_t size) const;
  std::string nonce();

  Processes& processes_;
  Random& random_;
  Environment environment_;
  SshTarget target_;
  std::filesystem::path folder_;  // of this channel alone
  std::mutex mutex_;
  std::map<std::filesystem::path, std::filesystem::path> forwards_;  // there → here
};

}  // namespace carrel
