#include "keeper/link.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/ssh_error.hpp"
#include "channel/ssh_target.hpp"
#include "keeper/address.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/companion.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/random.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr auto asking_pause = seconds(10);
constexpr auto asking_time = seconds(30);
constexpr auto login_time = seconds(20);  // beyond what connecting may take
constexpr auto longest_connecting = seconds(8);
constexpr auto tick = seconds(3);
constexpr auto pause_of_computer = seconds(8);  // longer than a tick, whatever the load
constexpr auto waking_time = seconds(3);
constexpr std::size_t most_heard = 16384;

void keep_tail(std::string& text) {
  if (text.size() > most_heard) text.erase(0, text.size() - most_heard);
}

}  // namespace

Link::Link(Random& random, Environment environment, KeptWorkspace workspace, fs::path folder,
           std::function<void()> on_change)
    : random_(random),
      environment_(std::move(environment)),
      folder_(std::move(folder)),
      on_change_(std::move(on_change)),
      workspace_(std::move(workspace)),
      slept_at_(clock_.wall()),
      thread_([this] { work(); }) {}

Link::~Link() {
  ending_ = true;
  wake_.raise();
  thread_.join();
  (void)remove_tree(folder_);
}

Link::View Link::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void Link::want(std::optional<Instant> proven) {
  const std::lock_guard lock(mutex_);
  if (wanted_ == proven) return;
  wanted_ = proven;
  if (proven) wake_.raise();
}

void Link::change(KeptWorkspace workspace) {
  const std::lock_guard lock(mutex_);
  next_ = std::move(workspace);
  wake_.raise();
}

bool Link::somebody_waits() const {
  const std::lock_guard lock(mutex_);
  return wanted_.has_value();
}

void Link::work() {
  while (!ending_) {
    take_changes();
    const Instant now = clock_.now();
    if (!ssh_ && !nowhere_ && !workspace_.ssh.host.empty() && now >= retry_at()) connect(now);
    const bool lost = !up_ && (failures_ > 0 || workspace_.ssh.host.empty());
    if (!asking_ && lost && !workspace_.address.empty() &&
        (!asked_at_ || now >= *asked_at_ + asking_pause)) {
      ask_address(now);
    }
    std::optional<Instant> wanted;
    {
      const std::lock_guard lock(mutex_);
      wanted = wanted_;
    }
    if (up_ && !ping_ && wanted && *wanted > proven_) ping(now, Instant::max());
    sleep_until_something(now);
    if (ssh_) read_ssh();
    if (asking_) read_answer();
  }
}

void Link::take_changes() {
  std::optional<KeptWorkspace> next;
  {
    const std::lock_guard lock(mutex_);
    next = std::exchange(next_, std::nullopt);
  }
  if (!next) return;
  workspace_ = std::move(*next);
  ssh_.reset();
  asking_.reset();
  up_ = nowhere_ = refused_ = false;
  failures_ = 0;
  asked_at_.reset();
  const bool rests = workspace_.ssh.host.empty() && workspace_.address.empty();
  why_ = rests ? "the workspace is stopped" : "";
  publish();
}

Instant Link::retry_at() const {
  if (failures_ == 0) return Instant{};
  return broken_at_ + retry_delay(failures_, somebody_waits() && !refused_);
}

Result<ProcessSpec> Link::ssh_spec() const {
  SshTarget target = workspace_.ssh;
  // so that an attempt that began before the network came back does not keep the next one waiting
  if (target.proxy_command.empty()) {
    target.connect_timeout = std::min(target.connect_timeout, longest_connecting);
  }
  TRY(make_private_folder(folder_));
  const fs::path config = folder_ / "config";
  TRY(write_file(config, TRY(ssh_config(target, folder_)), 0600));
  const std::string there = workspace_.machine_port == 0
                                ? forward_path(workspace_.socket)
                                : fmt::format("localhost:{}", workspace_.machine_port);
  return ProcessSpec{.argv = {"ssh", "-F", config.string(), "-T", "-o", "ControlMaster=no", "-o",
                              "ControlPath=none", "-o", "ExitOnForwardFailure=yes", "-L",
                              forward_path(stream_) + ":" + there, "--", target.host, "exec cat"},
                     .environment = environment_};
}

void Link::connect(Instant now) {
  // a new name each time: a predecessor that is still ending may remove its own
  stream_ = folder_ / hex(random_.bytes(4));
  heard_.clear();
  words_.clear();
  const auto spec = ssh_spec();
  auto started = spec ? Companion::start(*spec) : Result<Companion>(fail(spec.error()));
  if (!started) return broken(started.error());
  ssh_.emplace(std::move(*started));
  ping(now, now + workspace_.ssh.connect_timeout + login_time);
  publish();
}

void Link::ping(Instant now, Instant deadline) {
  ping_ = Ping{.line = hex(random_.bytes(16)), .sent = now, .deadline = deadline};
  (void)ssh_->write(ping_->line + "\n");
}

void Link::ask_address(Instant now) {
  asked_at_ = now;
  answer_.clear();
  auto started = Companion::start({.argv = workspace_.address, .environment = environment_});
  if (started) asking_.emplace(std::move(*started));
}

void Link::sleep_until_something(Instant now) {
  Instant until = now + tick;
  if (!ssh_ && !nowhere_ && !workspace_.ssh.host.empty()) until = std::min(until, retry_at());
  if (ping_) until = std::min(until, ping_->deadline);
  std::array<pollfd, 5> watched{};
  watched.fill({.fd = -1, .events = POLLIN, .revents = 0});
  watched[0].fd = wake_.descriptor();
  if (ssh_) {
    watched[1].fd = ssh_->descriptor(Stream::output);
    watched[2].fd = ssh_->descriptor(Stream::error);
  }
  if (asking_) {
    watched[3].fd = asking_->descriptor(Stream::output);
    watched[4].fd = asking_->descriptor(Stream::error);
  }
  const auto pause = std::chrono::ceil<Milliseconds>(until - now);
  ::poll(watched.data(), watched.size(),
         static_cast<int>(std::max<Milliseconds::rep>(pause.count(), 0)));
  if (watched[0].revents != 0) wake_.clear();
  const WallTime wall = clock_.wall();
  if (up_ && ssh_ && wall - slept_at_ > pause_of_computer) {
    const Instant awake = clock_.now();
    ping(awake, awake + waking_time);
  }
  slept_at_ = wall;
}

void Link::read_ssh() {
  bool ended = false;
  for (const Stream stream : {Stream::output, Stream::error}) {
    if (ssh_->descriptor(stream) < 0) continue;
    const auto text = ssh_->read_some(stream);
    if (!text && stream == Stream::output) ended = true;
    if (text) (stream == Stream::output ? heard_ : words_) += *text;
  }
  keep_tail(words_);
  // what a login shell says first is not looked at
  if (ping_ && heard_.contains(ping_->line + "\n")) {
    proven_ = ping_->sent;
    ping_.reset();
    heard_.clear();
    if (!up_) {
      up_ = true;
      ++number_;
      failures_ = 0;
      refused_ = false;
      why_.clear();
    }
    publish();
  }
  keep_tail(heard_);
  if (ended) {
    // its last words come after the end of its output
    for (int more = 0; more < 100 && ssh_->descriptor(Stream::error) >= 0; ++more) {
      pollfd error{.fd = ssh_->descriptor(Stream::error), .events = POLLIN, .revents = 0};
      if (::poll(&error, 1, 100) <= 0) break;
      words_ += ssh_->read_some(Stream::error).value_or("");
      keep_tail(words_);
    }
    return broken(ssh_error(workspace_.ssh, words_));
  }
  if (ping_ && clock_.now() >= ping_->deadline) {
    broken({.what = "the machine does not answer",
            .why = {},
            .hint = {},
            .reason = Reason::unreachable,
            .trace = {}});
  }
}

void Link::broken(const Error& error) {
  ssh_.reset();
  ping_.reset();
  up_ = false;
  ++failures_;
  broken_at_ = clock_.now();
  refused_ = error.reason == Reason::refused || error.reason == Reason::unverified;
  why_ = error.why.empty() ? error.what : error.what + ": " + error.why;
  std::error_code ignored;
  fs::remove(stream_, ignored);
  publish();
}

void Link::read_answer() {
  const auto text = asking_->read_some(Stream::output);
  if (text && answer_.size() < most_heard) answer_ += *text;
  (void)asking_->read_some(Stream::error);
  if (text && clock_.now() < *asked_at_ + asking_time) return;
  asking_.reset();
  take_address(text ? MachineAddress{} : parse_address(answer_));
}

void Link::take_address(const MachineAddress& address) {
  SshTarget& ssh = workspace_.ssh;
  nowhere_ = address.kind == MachineAddress::Kind::none ||
             (nowhere_ && address.kind == MachineAddress::Kind::unknown);
  if (address.kind == MachineAddress::Kind::known &&
      (address.host != ssh.host || address.port.value_or(ssh.port) != ssh.port)) {
    ssh.host = address.host;
    ssh.port = address.port.value_or(ssh.port);
    if (!up_) {
      ssh_.reset();
      ping_.reset();
      failures_ = 0;
    }
  }
  if (nowhere_) {
    why_ = "the machine is stopped";
  } else if (ssh.host.empty()) {
    why_ = "it is not known where the machine is";
  }
  publish();
}

void Link::publish() {
  {
    const std::lock_guard lock(mutex_);
    view_ = {.state = up_    ? LinkState::up
                      : ssh_ ? LinkState::connecting
                             : LinkState::waiting,
             .why = why_,
             .host = workspace_.ssh.host,
             .number = number_,
             .stream = up_ ? stream_ : fs::path(),
             .proven = proven_};
  }
  on_change_();
}

}  // namespace carrel
