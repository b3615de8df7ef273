#include "keeper/client.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "keeper/keeper.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// A `kept` answer holds many workspaces.
constexpr std::size_t longest_answer = std::size_t{16} << 20U;
constexpr Milliseconds first_pause(2);
constexpr Milliseconds longest_pause(50);

// A conversation with a keeper that has greeted us.
class Talk {
 public:
  // None: nobody is there, or it is just going.
  static Result<std::optional<Talk>> open(const KeeperPlace& place, const Wait& wait) {
    auto connection = Connection::open(place.socket(), wait);
    if (!connection && connection.error().reason == Reason::unreachable) {
      return std::optional<Talk>();
    }
    if (!connection) return fail(connection.error());
    Talk talk(std::move(*connection));
    const auto line = talk.read_line();
    if (!line && line.error().reason == Reason::unreachable) return std::optional<Talk>();
    if (!line) return fail(line.error());
    talk.version_ = TRY(parse_greeting(*line));
    return talk;
  }

  Result<KeeperAnswer> ask(const KeeperRequest& request) {
    const std::string line = request_line(request);
    for (std::string_view rest = line; !rest.empty();) {
      rest.remove_prefix(TRY(connection_.write_some(rest)));
    }
    return parse_answer(TRY(read_line()));
  }
  int version() const { return version_; }

 private:
  explicit Talk(Connection connection) : connection_(std::move(connection)) {}

  Result<std::string> read_line() {
    while (true) {
      const std::size_t end = read_.find('\n');
      if (end != std::string::npos) {
        std::string line = read_.substr(0, end);
        read_.erase(0, end + 1);
        return line;
      }
      std::array<char, 16384> buffer{};
      const std::size_t count = TRY(connection_.read_some(buffer));
      if (count == 0 || read_.size() > longest_answer) {
        return fail({.what = "the keeper broke off",
                     .why = count == 0 ? "it has ended" : "it says too much",
                     .hint = "give the command again",
                     .reason = Reason::unreachable,
                     .trace = {}});
      }
      read_.append(buffer.data(), count);
    }
  }

  Connection connection_;
  std::string read_;
  int version_ = 0;
};

Error newer(int version) {
  return {.what = "the keeper that runs here belongs to a newer Carrel",
          .why = fmt::format("it speaks version {}, this program {}", version, keeper_protocol),
          .hint = "use the newer program, or drop its workspaces first",
          .reason = Reason::refused,
          .trace = {}};
}

Result<> tell(Talk& talk, const std::vector<KeptWorkspace>& workspaces) {
  for (const KeptWorkspace& workspace : workspaces) {
    TRY(talk.ask({.what = KeeperDo::keep, .workspace = workspace}));
  }
  return {};
}

}  // namespace

Result<> KeeperClient::keep(const std::vector<KeptWorkspace>& workspaces, const Wait& wait) {
  std::vector<KeptWorkspace> taken_over;
  Milliseconds pause = first_pause;
  bool started = false;
  while (true) {
    auto talk = TRY(Talk::open(place_, wait));
    if (talk && talk->version() > keeper_protocol) return fail(newer(talk->version()));
    if (talk && talk->version() < keeper_protocol) {
      auto answer = TRY(talk->ask({.what = KeeperDo::end}));
      std::ranges::move(answer.kept, std::back_inserter(taken_over));
      started = false;
      continue;
    }
    if (talk) {
      // what an older keeper had is told again as well as can be
      for (const auto& one : taken_over) (void)talk->ask({KeeperDo::keep, one, std::nullopt});
      const auto told = tell(*talk, workspaces);
      if (told || told.error().reason != Reason::unreachable) return told;
      started = false;  // it was just going
    }
    if (!started) TRY(start(wait));
    started = true;
    const auto paused = wait_for(-1, 0, wait.sooner(pause));
    const bool over = wait.deadline && SystemClock().now() >= *wait.deadline;
    if (!paused && (over || paused.error().reason != Reason::timed_out)) {
      return fail(Error(paused.error()).while_doing("waiting for the keeper to start"));
    }
    pause = std::min(pause * 2, longest_pause);
  }
}

Result<> KeeperClient::start(const Wait& wait) {
  TRY(make_private_folder(place_.folder));
  const ProcessResult result =
      TRY(processes_.run({.argv = starter_, .environment = environment_}, wait));
  if (result.status == 0) return {};
  return fail({.what = "the keeper of the local ports does not start",
               .why = printable(trimmed(last_lines(result.error, 5))),
               .hint = "its log: " + place_.log.string(),
               .trace = {}});
}

Result<> KeeperClient::rest(const WorkspaceId& id, const Wait& wait) {
  auto talk = TRY(Talk::open(place_, wait));
  if (talk) TRY(talk->ask({.what = KeeperDo::rest, .workspace = std::nullopt, .id = id}));
  return {};
}

Result<> KeeperClient::drop(const WorkspaceId& id, const Wait& wait) {
  auto talk = TRY(Talk::open(place_, wait));
  if (talk) TRY(talk->ask({.what = KeeperDo::drop, .workspace = std::nullopt, .id = id}));
  return {};
}

Result<std::vector<KeptState>> KeeperClient::list(const Wait& wait) {
  auto talk = TRY(Talk::open(place_, wait));
  if (!talk) return std::vector<KeptState>();
  if (talk->version() > keeper_protocol) return fail(newer(talk->version()));
  return TRY(talk->ask({.what = KeeperDo::list})).workspaces;
}

}  // namespace carrel
