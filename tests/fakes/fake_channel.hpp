// A machine that exists in memory, and the channel to it: files, commands from a table, processes
// that live as long as a test wants. The machine outlives its channels; every channel to it sees
// the same.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "fakes/fake_processes.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {

struct FakeFile {
  std::string bytes;
  mode_t mode = 0600;
};

struct FakeMachine {
  std::map<std::filesystem::path, FakeFile> files;
  std::set<std::filesystem::path> folders = {"/"};  // besides those that hold files
  FakeProcesses commands;
  // Alive: (pid, start ticks) → "NAME=VALUE" of its environment, "" for none.
  std::map<std::pair<pid_t, std::uint64_t>, std::string> processes;
  bool reachable = true;  // false: every question fails with Reason::unreachable
};

class FakeChannel final : public Channel {
 public:
  explicit FakeChannel(FakeMachine& machine) : machine_(machine) {}

  Result<ProcessResult> run(const Command& command, const Wait& wait) override {
    TRY(reach());
    return machine_.commands.run({.argv = command.argv,
                                  .environment = command.environment,
                                  .folder = command.folder,
                                  .input = command.input,
                                  .terminal = command.terminal,
                                  .on_output = command.on_output},
                                 wait);
  }
  Result<> put(const std::filesystem::path& root, const std::vector<PutFile>& files,
               const Wait& /*wait*/) override {
    TRY(reach());
    for (const auto& file : files) machine_.files[root / file.path] = {file.bytes, file.mode};
    return {};
  }
  Result<std::string> get(const std::filesystem::path& path, const Wait& /*wait*/) override {
    TRY(reach());
    const auto found = machine_.files.find(path);
    if (found == machine_.files.end()) {
      return fail({.what = fmt::format("there is no {} on the machine", path.string()),
                   .why = {},
                   .hint = {},
                   .reason = Reason::not_found,
                   .trace = {}});
    }
    return found->second.bytes;
  }
  Result<Endpoint> forward(const std::filesystem::path& socket, const Wait& /*wait*/) override {
    TRY(reach());
    return Endpoint(socket);
  }
  Result<bool> is_folder(const std::filesystem::path& path, const Wait& /*wait*/) override {
    TRY(reach());
    if (machine_.folders.contains(path)) return true;
    for (const auto& [file, content] : machine_.files) {
      if (file != path && is_inside(file, path)) return true;
    }
    return false;
  }
  Result<> remove(const std::filesystem::path& tree, const Wait& /*wait*/) override {
    TRY(reach());
    std::erase_if(machine_.files, [&](const auto& file) { return is_inside(file.first, tree); });
    std::erase_if(machine_.folders, [&](const auto& folder) { return is_inside(folder, tree); });
    return {};
  }
  Result<bool> alive(const ProcessId& process, const Wait& /*wait*/) override {
    TRY(reach());
    return machine_.processes.contains({process.pid, process.start_ticks});
  }
  Result<> end(const std::optional<ProcessId>& process, std::string_view name,
               std::string_view value, Milliseconds /*grace*/, const Wait& /*wait*/) override {
    TRY(reach());
    if (process) machine_.processes.erase({process->pid, process->start_ticks});
    const auto marker = fmt::format("{}={}", name, value);
    std::erase_if(machine_.processes, [&](const auto& other) { return other.second == marker; });
    return {};
  }

 private:
  static bool is_inside(const std::filesystem::path& path, const std::filesystem::path& tree) {
    const auto relative = path.lexically_relative(tree);
    return !relative.empty() && *relative.begin() != "..";
  }
  Result<> reach() const {
    if (machine_.reachable) return {};
    return fail({.what = "the machine does not answer",
                 .why = {},
                 .hint = {},
                 .reason = Reason::unreachable,
                 .trace = {}});
  }

  FakeMachine& machine_;
};

}  // namespace carrel
