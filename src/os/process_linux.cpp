// What only Linux has: pidfd and /proc. A port replaces this file.
#include "base/error.hpp"
#include "base/number.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/process_detail.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <optional>
#include <poll.h>
#include <set>
#include <signal.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

std::optional<ProcessStat> read_stat(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid));
  return text ? parse_stat(*text) : std::nullopt;
}

bool is_dead(char state) {
  return state == 'Z' || state == 'X' || state == 'x';
}

bool belongs_to_us(pid_t pid) {
  struct stat status{};
  return ::stat(fmt::format("/proc/{}", pid).c_str(), &status) == 0 && status.st_uid == ::geteuid();
}

bool environment_has(pid_t pid, std::string_view entry) {
  const auto block = read_file(fmt::format("/proc/{}/environ", pid));
  if (!block) return false;
  const auto entries = split(*block, '\0');
  return std::ranges::find(entries, entry) != entries.end();
}

// NAME=VALUE with another value than `entry` has: it belongs to somebody else, however it came to
// be below us.
bool environment_has_other(pid_t pid, std::string_view name, std::string_view entry) {
  const auto block = read_file(fmt::format("/proc/{}/environ", pid));
  if (!block) return false;
  return std::ranges::any_of(split(*block, '\0'), [&](const std::string& one) {
    return one.size() > name.size() + 1 && one.starts_with(name) && one[name.size()] == '=' &&
           one != entry;
  });
}

std::map<pid_t, ProcessStat> all_processes() {
  std::map<pid_t, ProcessStat> processes;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const auto pid = number_of<pid_t>(entry->path().filename().native());
    if (!pid) continue;
    if (const auto stat = read_stat(*pid)) processes[*pid] = *stat;
  }
  return processes;
}

}  // namespace

std::optional<ProcessStat> parse_stat(std::string_view text) {
  // 'pid (comm) state ppid ...': comm is the program's own choice and may hold anything, ')' and
  // spaces too
  const std::size_t comm_end = text.rfind(')');
  if (comm_end == std::string_view::npos) return std::nullopt;
  const auto fields = split(trimmed(text.substr(comm_end + 1)), ' ');
  constexpr std::size_t state = 0;
  constexpr std::size_t parent = 1;
  constexpr std::size_t start = 19;  // field 22 of proc(5), counted from the state, field 3
  if (fields.size() <= start || fields[state].size() != 1) return std::nullopt;
  const auto parent_pid = number_of<pid_t>(fields[parent]);
  const auto ticks = number_of<std::uint64_t>(fields[start]);
  if (!parent_pid || !ticks) return std::nullopt;
  return ProcessStat{fields[state][0], *parent_pid, *ticks};
}

int open_pidfd(pid_t pid) {
  // the descriptor is close-on-exec by itself
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

std::string boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id");
  return text ? std::string(trimmed(*text)) : std::string();
}

std::optional<std::uint64_t> start_ticks(pid_t pid) {
  const auto stat = pid > 0 ? read_stat(pid) : std::nullopt;
  if (!stat || is_dead(stat->state)) return std::nullopt;
  return stat->start_ticks;
}

bool is_alive(const ProcessId& process) {
  return start_ticks(process.pid) == process.start_ticks && boot_id() == process.boot_id;
}

bool signal_process(const ProcessId& process, int signal) {
  if (process.pid <= 0) return false;
  const Descriptor pidfd(open_pidfd(process.pid));
  // asked after the pidfd is open: from here on it cannot become another process
  if ((!pidfd && errno == ESRCH) || !is_alive(process)) return false;
  if (!pidfd) return ::kill(process.pid, signal) == 0 || errno != ESRCH;
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0 || errno != ESRCH;
}

Result<> wait_until_gone(const ProcessId& process, const Wait& wait) {
  if (process.pid <= 0) return {};
  const Descriptor pidfd(open_pidfd(process.pid));
  if (pidfd) return is_alive(process) ? wait_for(pidfd.get(), POLLIN, wait) : Result<>{};
  // a sandbox without pidfd
  while (is_alive(process)) {
    if (wait.deadline && SystemClock().now() >= *wait.deadline) return fail(timed_out());
    TRY(pause_for(Milliseconds(20), wait));
  }
  return {};
}

std::vector<ProcessId> processes_with(std::string_view name, std::string_view value) {
  const std::string entry = fmt::format("{}={}", name, value);
  const std::map<pid_t, ProcessStat> processes = all_processes();
  const pid_t self = ::getpid();
  std::multimap<pid_t, pid_t> children;
  std::vector<pid_t> found;
  for (const auto& [pid, stat] : processes) {
    children.emplace(stat.parent, pid);
    if (pid != self && !is_dead(stat.state) && belongs_to_us(pid) && environment_has(pid, entry)) {
      found.push_back(pid);
    }
  }
  std::set<pid_t> known(found.begin(), found.end());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto child = first; child != last; ++child) {
      if (child->second == self || environment_has_other(child->second, name, entry)) continue;
      if (known.insert(child->second).second) {
        found.push_back(child->second);
      }
    }
  }
  const std::string boot = boot_id();
  std::vector<ProcessId> same;
  for (const pid_t pid : found) {
    // not those that have ended meanwhile, nor whoever got their pid
    const std::uint64_t ticks = processes.at(pid).start_ticks;
    if (start_ticks(pid) == ticks) same.push_back({pid, ticks, boot});
  }
  return same;
}

}  // namespace carrel
