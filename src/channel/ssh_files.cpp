#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/put_paths.hpp"
#include "channel/ssh.hpp"
#include "channel/ssh_error.hpp"
#include "channel/ssh_target.hpp"
#include "os/connection.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

// Files of one folder and one mode at a time, first into a folder of their own beside where they
// will be. The last line tells whether all has come.
constexpr std::string_view receiving = R"sh(export LC_ALL=C
umask 077
trap clean EXIT
trap 'exit 143' HUP INT PIPE TERM
receive() {
  mkdir -p "$1" && cd "$1" || exit
  mode=$2 sizes=$3
  shift 3
  for name; do
    head -c "${sizes%% *}" >"./$name" || exit
    sizes=${sizes#* }
  done
  chmod "$mode" -- "$@" && sync -- "$@" || exit
}
place() {
  cd "$1" || exit
  shift
  mv -f -t .. -- "$@" || exit
}
)sh";
constexpr std::string_view has_come = R"sh(read -r last
if [ "$last" != whole ]; then echo "the files did not arrive whole" >&2; exit 1; fi
)sh";

constexpr std::string_view remove_tree = R"sh(export LC_ALL=C
rm -rf "$1" 2>/dev/null && exit
# folders alone: files may be hard links to what others use
open() {
  chmod u+rwx "$1"
  for inside in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -d "$inside" ] && [ ! -L "$inside" ]; then open "$inside"; fi
  done
}
if [ -d "$1" ] && [ ! -L "$1" ]; then open "$1"; fi
rm -rf "$1")sh";

}  // namespace

Result<> SshChannel::put(const fs::path& root, const std::vector<PutFile>& files,
                         const Wait& wait) {
  TRY(check_put(root, files));
  std::map<std::pair<fs::path, mode_t>, std::map<std::string, const PutFile*>> groups;
  std::map<fs::path, const PutFile*> last;  // of two with one path the later
  for (const PutFile& file : files) last[(root / file.path).lexically_normal()] = &file;
  for (const auto& [path, file] : last) {
    groups[{path.parent_path(), file->mode}][path.filename().string()] = file;
  }
  const std::string once = nonce();
  std::string stages;
  std::string receives;
  std::string places;
  Session session;
  for (const auto& [group, members] : groups) {
    const auto& [folder, mode] = group;
    const std::string stage =
        shell_quoted((folder / fmt::format(".carrel-{}-{:o}", once, mode)).string());
    std::string sizes;
    std::string names;
    for (const auto& [name, file] : members) {
      sizes += fmt::format("{} ", file->bytes.size());
      names += " " + shell_quoted(name);
      session.input += file->bytes;
    }
    stages += " " + stage;
    receives += fmt::format("receive {} {:o} '{}'{}\n", stage, mode, sizes, names);
    places += fmt::format("place {}{}\n", stage, names);
  }
  session.input += "whole\n";
  session.script =
      fmt::format("clean() {{ cd /; rm -rf{}; }}\n{}mkdir -p {} || exit\n{}{}{}", stages, receiving,
                  shell_quoted(root.string()), receives, has_come, places);
  const Said said = TRY(say(session, wait));
  if (said.end == "0") return {};
  return fail(machine_error(
      fmt::format("cannot write into {} on {}", root.string(), name_of(target_)), said.error));
}

Result<std::string> SshChannel::get(const fs::path& path, const Wait& wait) {
  Said said =
      TRY(say({.script = "export LC_ALL=C\nexec cat -- " + shell_quoted(path.string())}, wait));
  if (said.end == "0") return std::move(said.output);
  return fail(machine_error(fmt::format("cannot read {} on {}", path.string(), name_of(target_)),
                            said.error));
}

Result<bool> SshChannel::is_folder(const fs::path& path, const Wait& wait) {
  const Said said = TRY(say(
      {.script = "export LC_ALL=C\nexec stat -L -c %F -- " + shell_quoted(path.string())}, wait));
  if (said.end == "0") return trimmed(said.output) == "directory";
  Error error = machine_error(
      fmt::format("cannot look at {} on {}", path.string(), name_of(target_)), said.error);
  if (error.reason == Reason::not_found || said.error.contains(": Not a directory")) return false;
  return fail(std::move(error));
}

Result<> SshChannel::remove(const fs::path& tree, const Wait& wait) {
  const Said said = TRY(say(
      {.script = fmt::format("set -- {}\n{}", shell_quoted(tree.string()), remove_tree)}, wait));
  if (said.end == "0") return {};
  return fail(machine_error(fmt::format("cannot remove {} on {}", tree.string(), name_of(target_)),
                            said.error));
}

Result<Endpoint> SshChannel::forward(const fs::path& socket, const Wait& wait) {
  // A connection that has never had a session waits for acknowledgements: 40 ms a cell.
  TRY(say({.script = ":"}, wait));
  fs::path here;
  {
    const std::lock_guard lock(mutex_);
    here =
        forwards_.try_emplace(socket, folder_ / fmt::format("f{}", forwards_.size())).first->second;
  }
  const std::size_t logged = log_since(0).size();
  const ProcessResult result = TRY(processes_.run(
      ssh({"-O", "forward", "-L", forward_path(here) + ":" + forward_path(socket)}, {}), wait));
  if (result.status == 0) return Endpoint(std::move(here));
  return fail({.what = fmt::format("cannot forward {} from {}", socket.string(), name_of(target_)),
               .why = printable(trimmed(log_since(logged))),
               .hint = {},
               .reason = Reason::unreachable,
               .trace = {}});
}

}  // namespace carrel
