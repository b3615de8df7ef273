// Other programs: what to run is a value (ProcessSpec), running it is behind Processes. posix_spawn
// and a pidfd.
#pragma once

#include "base/error.hpp"
#include "os/wait.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace carrel {

using Environment = std::map<std::string, std::string>;

enum class Stream { output, error };

struct ProcessSpec {
  // argv[0] is looked up on `environment`'s PATH (absolute folders only); with a '/' it starts in
  // `folder`.
  std::vector<std::string> argv;
  Environment environment;                      // complete: nothing is inherited
  std::optional<std::filesystem::path> folder;  // working directory
  std::string input;    // given on standard input (then closed); empty: /dev/null
  int input_from = -1;  // a descriptor, not ours: what it holds until its end comes after `input`
  bool terminal =
      false;  // standard input, output and error are this program's; nothing is captured
  std::function<void(std::string_view)>
      on_output;            // each line of standard output and error as it comes; may be empty
  bool keep_output = true;  // false: standard output goes to `on_output` alone, however much it is
  // Takes the bytes of both streams as they come, instead of all of the above: nothing is kept, no
  // lines are made. `false` says that the program has done its work: it is ended, no error. Of its
  // group no more than the program itself is waited for.
  std::function<bool(Stream, std::string_view)> on_bytes;
};

struct ProcessResult {
  int status = 0;  // exit code, or 128 + signal
  std::string output;
  std::string error;
};

class Processes {
 public:
  virtual ~Processes() = default;
  // Runs to the end. Not started at all: Reason::not_found (no such program) or other. `wait` over:
  // the child's process group gets SIGTERM, after two seconds SIGKILL, and the error is timed_out
  // or interrupted. A child that wants to ask on the terminal without having it is ended likewise:
  // Reason::refused, Exit::act. Output over 256 MiB is an error. What grandchildren write after the
  // child has ended is not waited for.
  virtual Result<ProcessResult> run(const ProcessSpec& spec, const Wait& wait) = 0;
};

class SystemProcesses final : public Processes {
 public:
  Result<ProcessResult> run(const ProcessSpec& spec, const Wait& wait) override;
};

// A process known for certain: a pid alone may be reused, pid and start time (field 22 of
// /proc/PID/stat, clock ticks since boot) in one boot are not.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::string boot_id;  // /proc/sys/kernel/random/boot_id
};
std::string boot_id();
std::optional<std::uint64_t> start_ticks(
    pid_t pid);  // none: no such process (a zombie counts as none)
bool is_alive(const ProcessId& process);
// Signals it if it still is that process (pidfd, so no race); false: it is gone.
bool signal_process(const ProcessId& process, int signal);
// Until it has gone; Reason::timed_out, Reason::interrupted.
Result<> wait_until_gone(const ProcessId& process, const Wait& wait);
// Own processes whose environment has NAME=VALUE (read from /proc/PID/environ), and all their
// descendants but those that have another VALUE, and what is below these: a workspace that was
// brought up from another's terminal is its own. Never the calling process itself, so that a
// command typed in a workspace's own terminal can end the workspace.
std::vector<ProcessId> processes_with(std::string_view name, std::string_view value);

Environment this_environment();
std::string node_name();  // what this computer calls itself (uname(2)); "" where it does not say
std::optional<std::filesystem::path> find_program(std::string_view name,
                                                  const Environment& environment);

}  // namespace carrel
