#include "base/error.hpp"
#include "channel/direct.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <signal.h>
#include <string_view>
#include <system_error>

namespace carrel {

Result<bool> DirectChannel::is_folder(const std::filesystem::path& path, const Wait&) {
  std::error_code error;
  const bool is_one = std::filesystem::is_directory(path, error);
  if (error && error != std::errc::no_such_file_or_directory &&
      error != std::errc::not_a_directory) {
    return fail(system_error("cannot look at " + path.string(), error.value()));
  }
  return is_one;
}

Result<> DirectChannel::remove(const std::filesystem::path& tree, const Wait&) {
  return remove_tree(tree);
}

Result<bool> DirectChannel::alive(const ProcessId& process, const Wait&) {
  return is_alive(process);
}

Result<> DirectChannel::end(const std::optional<ProcessId>& process, std::string_view name,
                            std::string_view value, Milliseconds grace, const Wait& wait) {
  if (process && signal_process(*process, SIGTERM)) {
    if (auto gone = wait_until_gone(*process, wait.sooner(grace));
        !gone && gone.error().reason == Reason::interrupted) {
      return gone;
    }
  }
  // Not to be interrupted: Carrel itself may run in a terminal of this very workspace, which hangs
  // up when its shell is killed.
  const Wait quick{.deadline = wait.sooner(std::chrono::seconds(10)).deadline,
                   .interrupt = nullptr};
  // A process may start another while it is being killed: again, until a look finds none.
  for (;;) {
    auto left = processes_with(name, value);
    // It need not carry the mark of what it has started. After the look, which finds children by
    // their parents.
    if (process && is_alive(*process)) left.push_back(*process);
    if (left.empty()) return {};
    for (const auto& other : left) signal_process(other, SIGKILL);
    for (const auto& other : left) TRY(wait_until_gone(other, quick));
  }
}

}  // namespace carrel
