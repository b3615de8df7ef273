// Processes of the machine, by a POSIX sh and awk; what os/process_linux.cpp does here.
#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/ssh.hpp"
#include "channel/ssh_error.hpp"
#include "channel/ssh_target.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr auto killing_time = std::chrono::seconds(10);

// is_alive PID TICKS: whatever its name is, it ends at the last ')' of /proc/PID/stat; proc(5).
constexpr std::string_view is_alive_here = R"sh(export LC_ALL=C
is_alive() {
  read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  ticks=$2
  set -- ${line##*)}
  case $1 in Z|X|x) return 1 ;; esac
  [ "${20}" = "$ticks" ]
}
boot=
read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id
[ -n "$boot" ] || { echo "there is no /proc of Linux" >&2; exit 90; }
)sh";

// Looks until the process has gone or TRIES are over.
constexpr std::string_view ask_to_end = R"sh(is_alive $1 $2 || exit 0
kill -s TERM $1 2>/dev/null
while [ $tries -gt 0 ] && is_alive $1 $2; do
  sleep 0.05
  tries=$((tries - 1))
done
exit 0)sh";

// $ENTRY is NAME=VALUE. /proc/*/environ has zero bytes between entries; `head -v` puts the file's
// name before each. In awk's input every entry is a line, and \001 stands for a newline.
constexpr std::string_view kill_all = R"sh(find_left() {
  {
    cat /proc/[0-9]*/stat 2>/dev/null
    echo environ
    set --
    for file in /proc/[0-9]*/environ; do [ -O "$file" ] && set -- "$@" "$file"; done
    { echo; head -v -c 16777216 "$@" 2>/dev/null; } | tr '\n\0' '\001\n'
  } | ENTRY=$entry awk -v self=$$ '
    BEGIN { entry = ENVIRON["ENTRY"]; gsub(/\n/, "\001", entry); name = substr(entry, 1, index(entry, "=")) }
    !environ && $0 == "environ" { environ = 1; next }
    !environ {
      pid = $1; rest = $0; sub(/^.*\) /, "", rest); split(rest, field, " ")
      state[pid] = field[1]; parent[pid] = field[2]; ticks[pid] = field[20]
      next
    }
    {
      text = $0
      while (match(text, /\001==> \/proc\/[0-9]+\/environ <==\001/)) {
        look(substr(text, 1, RSTART - 1))
        split(substr(text, RSTART, RLENGTH), part, "/"); pid = part[3]
        text = substr(text, RSTART + RLENGTH)
      }
      look(text)
    }
    function look(one) {
      if (one == entry) marked[pid] = 1
      else if (name != "" && index(one, name) == 1) other[pid] = 1
    }
    function is_own(pid) {
      for (; pid in parent; pid = parent[pid]) if (pid == self) return 1
      return 0
    }
    END {
      for (pid in marked) if ((pid in state) && state[pid] !~ /[ZXx]/) found[pid] = 1
      do {
        more = 0
        for (pid in parent) {
          if (!(pid in found) && (parent[pid] in found) && !(pid in other)) {
            found[pid] = 1; more = 1
          }
        }
      } while (more)
      for (pid in found) if (state[pid] !~ /[ZXx]/ && !is_own(pid)) print pid, ticks[pid]
    }'
}
while :; do
  left=$(find_left)
  if [ $# -eq 2 ] && is_alive $1 $2; then left="$left $1 $2"; fi
  [ -n "$left" ] || exit 0
  for step in kill wait; do
    pid=
    for word in $left; do
      if [ -z "$pid" ]; then pid=$word; continue; fi
      if [ $step = kill ]; then
        if is_alive $pid $word; then kill -s KILL $pid 2>/dev/null; fi
      else
        while is_alive $pid $word; do
          tries=$((tries - 1))
          [ $tries -gt 0 ] || { echo "process $pid does not end" >&2; exit 91; }
          sleep 0.05
        done
      fi
      pid=
    done
  done
done)sh";

}  // namespace

Result<bool> SshChannel::alive(const ProcessId& process, const Wait& wait) {
  const Said said = TRY(
      say({.script = fmt::format("{}[ \"$boot\" = {} ] && is_alive {} {}", is_alive_here,
                                 shell_quoted(process.boot_id), process.pid, process.start_ticks)},
          wait));
  if (said.end == "0") return true;
  if (said.end == "1") return false;
  return fail(machine_error("cannot look at a process on " + name_of(target_), said.error));
}

Result<> SshChannel::end(const std::optional<ProcessId>& process, std::string_view name,
                         std::string_view value, Milliseconds grace, const Wait& wait) {
  std::string begin(is_alive_here);
  if (process) {
    begin += fmt::format("if [ \"$boot\" = {} ]; then set -- {} {}; fi\n",
                         shell_quoted(process->boot_id), process->pid, process->start_ticks);
    const Said said = TRY(say({.script = fmt::format("{}[ $# -eq 2 ] || exit 0\ntries={}\n{}",
                                                     begin, grace.count() / 50, ask_to_end)},
                              wait));
    if (said.end != "0") {
      return fail(machine_error("cannot end a process on " + name_of(target_), said.error));
    }
  }
  // Not to be interrupted, as DirectChannel: this may run in a terminal of what is ended.
  const Wait quick{.deadline = wait.sooner(killing_time).deadline, .interrupt = nullptr};
  const Said said =
      TRY(say({.script = fmt::format("{}entry={}\ntries=200\n{}", begin,
                                     shell_quoted(fmt::format("{}={}", name, value)), kill_all)},
              quick));
  if (said.end == "0") return {};
  Error error = machine_error("cannot end what runs on " + name_of(target_), said.error);
  if (said.end == "91") error.reason = Reason::timed_out;
  return fail(std::move(error));
}

}  // namespace carrel
