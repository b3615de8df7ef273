#include "keeper/door.hpp"

#include "base/error.hpp"
#include "keeper/link.hpp"
#include "keeper/pair.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/listener.hpp"
#include "os/ports.hpp"
#include "os/process.hpp"
#include "os/random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::size_t buffer_size = 65536;
// Two descriptors each here, one in ssh, whose limit is often 1024.
constexpr std::size_t most_pairs = 400;
constexpr Milliseconds full_pause(100);

Error taken(std::uint16_t port, const Error& error) {
  const auto holder = port_holder(port);
  return {.what = fmt::format("port {} of this computer is taken", port),
          .why = !holder ? error.why
                 : holder->program.empty()
                     ? "a program of " + holder->user + " listens there"
                     : fmt::format("{} (process {}) listens there", holder->program, holder->pid),
          .hint = "end that program, or the workspace's page cannot be reached",
          .reason = error.reason,
          .trace = {}};
}

Result<std::vector<Listener>> listeners_of(std::uint16_t port) {
  std::vector<Listener> listeners;
  for (const char* host : {"127.0.0.1", "::1"}) {
    auto listener = Listener::open(TcpAddress{.host = host, .port = port});
    if (listener) {
      listeners.push_back(std::move(*listener));
    } else if (listeners.empty() || listener.error().reason != Reason::not_found) {
      return fail(taken(port, listener.error()));
    }
  }
  return listeners;
}

}  // namespace

Result<std::unique_ptr<Door>> Door::open(Random& random, const Environment& environment,
                                         const KeptWorkspace& workspace,
                                         const std::filesystem::path& folder) {
  auto listeners = TRY(listeners_of(workspace.port));
  return std::unique_ptr<Door>(
      new Door(random, environment, workspace, folder, std::move(listeners)));
}

Door::Door(Random& random, const Environment& environment, const KeptWorkspace& workspace,
           const std::filesystem::path& folder, std::vector<Listener> listeners)
    : workspace_(workspace),
      listeners_(std::move(listeners)),
      link_(random, environment, workspace, folder, [this] { wake_.raise(); }),
      thread_([this] { work(); }) {}

Door::~Door() {
  ending_ = true;
  wake_.raise();
  thread_.join();
}

Result<> Door::keep(const KeptWorkspace& workspace) {
  if (workspace.port != workspace_.port) {
    return fail({.what = fmt::format("the workspace has port {}, which cannot become {}",
                                     workspace_.port, workspace.port),
                 .why = "the pages that are open in browsers know the first",
                 .hint = {},
                 .reason = Reason::refused,
                 .trace = {}});
  }
  if (!resting_ && text_of(workspace) == text_of(workspace_)) return {};
  resting_ = false;
  workspace_ = workspace;
  link_.change(workspace);
  return {};
}

void Door::rest() {
  if (std::exchange(resting_, true)) return;
  KeptWorkspace nowhere = workspace_;
  nowhere.ssh.host.clear();
  nowhere.address.clear();
  link_.change(std::move(nowhere));
}

KeptState Door::state() const {
  const Link::View view = link_.view();
  return {.id = workspace_.id,
          .port = workspace_.port,
          .state = view.state,
          .why = view.why,
          .host = view.host,
          .held = held_,
          .open = open_};
}

void Door::work() {
  std::vector<char> buffer(buffer_size);
  std::vector<pollfd> watched;
  while (!ending_) {
    const Instant before = clock_.now();
    watch(watched, before);
    ::poll(watched.data(), watched.size(), pause(before));
    const Instant now = clock_.now();
    if (watched[0].revents != 0) wake_.clear();
    const std::size_t first = 1 + listeners_.size();
    const std::size_t pairs = pairs_.size();
    for (std::size_t i = 0; i < pairs; ++i) {
      pairs_[i].on_ready({watched[first + 2 * i], watched[first + 2 * i + 1]}, buffer, now);
    }
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if (watched[1 + i].revents != 0) accept(listeners_[i], now);
    }
    look(now);
  }
}

void Door::watch(std::vector<pollfd>& watched, Instant now) const {
  watched.clear();
  watched.push_back({.fd = wake_.descriptor(), .events = POLLIN, .revents = 0});
  for (const Listener& listener : listeners_) {
    const bool room = pairs_.size() < most_pairs && now >= accept_after_;
    watched.push_back({.fd = room ? listener.descriptor() : -1, .events = POLLIN, .revents = 0});
  }
  for (const Pair& pair : pairs_) {
    for (const pollfd& one : pair.watched()) watched.push_back(one);
  }
}

int Door::pause(Instant now) const {
  std::optional<Instant> until;
  if (accept_after_ > now) until = accept_after_;
  for (const Pair& pair : pairs_) {
    const auto again = pair.again_at();
    if (again && *again > now && (!until || *again < *until)) until = again;
  }
  return until ? static_cast<int>(std::chrono::ceil<Milliseconds>(*until - now).count()) : -1;
}

void Door::accept(const Listener& listener, Instant now) {
  while (pairs_.size() < most_pairs) {
    auto client = listener.accept();
    if (!client) accept_after_ = now + full_pause;  // of descriptors
    if (!client || !*client) return;
    pairs_.emplace_back(std::move(**client));
  }
}

void Door::look(Instant now) {
  const Link::View view = link_.view();
  std::optional<Instant> wanted;
  std::size_t held = 0;
  std::size_t open = 0;
  for (Pair& pair : pairs_) {
    pair.look(view, now);
    wanted = std::max(wanted, pair.wants());
    if (pair.phase() == Pair::Phase::held) ++held;
    if (pair.phase() == Pair::Phase::open) ++open;
  }
  std::erase_if(pairs_, [](const Pair& pair) { return pair.phase() == Pair::Phase::done; });
  held_ = held;
  open_ = open;
  link_.want(wanted);
}

}  // namespace carrel
