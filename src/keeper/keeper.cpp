#include "keeper/keeper.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "keeper/door.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/listener.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace carrel {
namespace {

using std::chrono::seconds;

constexpr auto lock_time = seconds(5);     // for a keeper that is just ending
constexpr auto unused_time = seconds(10);  // then it was started for nothing
constexpr auto client_time = seconds(10);  // without a word
constexpr auto answer_time = seconds(1);
constexpr std::size_t most_clients = 32;

struct Client {
  Connection connection;
  Instant heard;
  std::string unfinished;
  bool done = false;
};

class Keeper {
 public:
  Keeper(const KeeperPlace& place, const Environment& environment, Random& random)
      : place_(place), environment_(environment), random_(random) {}

  Result<> serve(const Listener& listener, const Wait& wait) {
    used_at_ = clock_.now();
    while (!ending_) {
      std::vector<pollfd> watched = {
          {wait.interrupt != nullptr ? wait.interrupt->descriptor() : -1, POLLIN, 0},
          {clients_.size() < most_clients && !full_ ? listener.descriptor() : -1, POLLIN, 0}};
      for (const Client& client : clients_) {
        watched.push_back({client.connection.descriptor(), POLLIN, 0});
      }
      const bool idle = clients_.empty() && !doors_.empty() && !full_;
      ::poll(watched.data(), watched.size(), idle ? -1 : 1000);
      if (watched[0].revents != 0) break;
      for (std::size_t i = 0; i < clients_.size() && !ending_; ++i) {
        if (watched[2 + i].revents != 0) hear(clients_[i]);
      }
      full_ = false;
      if (watched[1].revents != 0) greet(listener);
      const Instant now = clock_.now();
      std::erase_if(clients_, [&](const Client& client) {
        return client.done || now > client.heard + client_time;
      });
      if (!doors_.empty()) used_at_ = now;
      if (doors_.empty() && now > used_at_ + unused_time) ending_ = true;
    }
    return {};
  }

 private:
  void greet(const Listener& listener) {
    auto connection = listener.accept();
    full_ = !connection;
    if (!connection || !*connection) return;
    Client client{.connection = std::move(**connection), .heard = clock_.now()};
    say(client, greeting_line());
    clients_.push_back(std::move(client));
  }

  static void say(Client& client, std::string_view text) {
    client.connection.set_wait(Wait::at_most(answer_time));
    while (!text.empty() && !client.done) {
      const auto count = client.connection.write_some(text);
      client.done = !count;
      text.remove_prefix(count.value_or(0));
    }
  }

  void hear(Client& client) {
    std::array<char, 4096> buffer{};
    client.connection.set_wait(Wait::at_most(Milliseconds(0)));
    const auto count = client.connection.read_some(buffer);
    if (!count || *count == 0) {
      client.done = true;
      return;
    }
    client.heard = clock_.now();
    client.unfinished.append(buffer.data(), *count);
    for (std::size_t end = 0; !client.done && !ending_;) {
      end = client.unfinished.find('\n');
      if (end == std::string::npos) break;
      const std::string line = client.unfinished.substr(0, end);
      client.unfinished.erase(0, end + 1);
      const auto request = parse_request(line);
      if (request) {
        say(client, answer_line(answer(*request)));
      } else {
        refuse(client, request.error());
      }
    }
    if (client.unfinished.size() > longest_keeper_line) {
      refuse(client, parse_request(client.unfinished).error());
    }
  }

  static void refuse(Client& client, const Error& error) {
    say(client, answer_line(fail(error)));
    client.done = true;
  }

  Result<KeeperAnswer> answer(const KeeperRequest& request) {
    KeeperAnswer answer;
    switch (request.what) {
      case KeeperDo::keep:
        TRY(keep(*request.workspace));
        break;
      case KeeperDo::rest:
        if (const auto found = doors_.find(*request.id); found != doors_.end()) {
          found->second->rest();
        }
        ending_ = nobody_is_up();
        break;
      case KeeperDo::drop:
        doors_.erase(*request.id);
        ending_ = nobody_is_up();
        break;
      case KeeperDo::list:
        for (const auto& [id, door] : doors_) answer.workspaces.push_back(door->state());
        break;
      case KeeperDo::end:
        for (const auto& [id, door] : doors_) {
          if (!door->resting()) answer.kept.push_back(door->workspace());
        }
        doors_.clear();
        ending_ = true;
        break;
    }
    return answer;
  }

  bool nobody_is_up() const {
    return std::ranges::all_of(doors_, [](const auto& door) { return door.second->resting(); });
  }

  Result<> keep(const KeptWorkspace& workspace) {
    const auto found = doors_.find(workspace.id);
    if (found != doors_.end()) return found->second->keep(workspace);
    doors_.emplace(workspace.id,
                   TRY(Door::open(random_, environment_, workspace,
                                  place_.folder / ("k" + workspace.id.short_text()))));
    return {};
  }

  const KeeperPlace& place_;
  const Environment& environment_;
  Random& random_;
  SystemClock clock_;
  std::map<WorkspaceId, std::unique_ptr<Door>> doors_;
  std::vector<Client> clients_;
  Instant used_at_;
  bool full_ = false;  // no descriptors are left: try again in a second
  bool ending_ = false;
};

}  // namespace

Result<> serve_keeper(const KeeperPlace& place, const Environment& environment, Random& random,
                      const Wait& wait) {
  TRY(make_private_folder(place.folder));
  const auto lock = FileLock::acquire(place.lock(), wait.sooner(lock_time));
  if (!lock && lock.error().reason == Reason::busy) return {};
  if (!lock) return fail(lock.error());
  std::error_code ignored;
  std::filesystem::remove(place.socket(), ignored);
  Keeper keeper(place, environment, random);
  {
    const Listener listener = TRY(Listener::open(place.socket()));
    TRY(keeper.serve(listener, wait));
    // before the lock is let go: the next one's socket is not ours to remove
    std::filesystem::remove(place.socket(), ignored);
  }
  return {};
}

}  // namespace carrel
