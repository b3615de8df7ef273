#include "keeper/pair.hpp"

#include "base/error.hpp"
#include "keeper/link.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/wait.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace carrel {
namespace {

constexpr std::size_t longest_request = 65536;  // that is kept for another try
constexpr auto proof_lasts = std::chrono::seconds(1);
constexpr auto retry_pause = std::chrono::seconds(1);
constexpr auto full_pause = std::chrono::milliseconds(20);

// What is there now, no more.
Wait at_once() {
  return {.deadline = Instant{}, .interrupt = nullptr};
}

// None: it is broken.
std::optional<std::string_view> written(Connection& connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = connection.write_some(bytes);
    if (!count && count.error().reason == Reason::timed_out) break;
    if (!count) return std::nullopt;
    bytes.remove_prefix(*count);
  }
  return bytes;
}

pollfd watch(const Connection& connection, bool reads, bool writes) {
  const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
  // not even for a hang-up, which poll would repeat for ever
  return {.fd = events == 0 ? -1 : connection.descriptor(),
          .events = static_cast<short>(events),
          .revents = 0};
}

}  // namespace

std::optional<Instant> Pair::wants() const {
  if (phase_ == Phase::held) return held_since_ - proof_lasts;
  if (phase_ == Phase::open && down_.ended && !down_.passed_on) return ended_at_;
  return std::nullopt;
}

std::optional<Instant> Pair::again_at() const {
  return phase_ == Phase::held ? std::optional(not_before_) : std::nullopt;
}

std::array<pollfd, 2> Pair::watched() const {
  const pollfd nothing{.fd = -1, .events = 0, .revents = 0};
  if (phase_ == Phase::silent) return {watch(client_, true, false), nothing};
  // a client that goes away is told even without asking
  if (phase_ == Phase::held) return {pollfd{client_.descriptor(), 0, 0}, nothing};
  if (phase_ == Phase::done) return {nothing, nothing};
  return {
      watch(client_, !up_.ended && up_.pending.empty() && !stream_refuses_, !down_.pending.empty()),
      watch(*stream_, !down_.ended && down_.pending.empty(),
            !up_.pending.empty() && !stream_refuses_)};
}

void Pair::on_ready(const std::array<pollfd, 2>& ready, std::span<char> buffer, Instant now) {
  constexpr short over = POLLHUP | POLLERR;
  if (phase_ == Phase::held && (ready[0].revents & over) != 0) phase_ = Phase::done;
  if (phase_ != Phase::silent && phase_ != Phase::open) return;
  if ((ready[0].revents & POLLOUT) != 0) send_down(std::exchange(down_.pending, {}));
  if (phase_ == Phase::open && (ready[1].revents & POLLOUT) != 0) {
    send_up(std::exchange(up_.pending, {}));
  }
  const auto readable = [](const pollfd& one) {
    return (one.events & POLLIN) != 0 && (one.revents & (POLLIN | over)) != 0;
  };
  if (readable(ready[0]) && phase_ != Phase::done) read_client(buffer, now);
  if (readable(ready[1]) && phase_ == Phase::open) read_stream(buffer, now);
}

void Pair::read_client(std::span<char> buffer, Instant now) {
  client_.set_wait(at_once());
  const auto count = client_.read_some(buffer);
  if (!count && count.error().reason == Reason::timed_out) return;
  if (!count || (*count == 0 && phase_ == Phase::silent)) {
    phase_ = Phase::done;
    return;
  }
  if (*count == 0) {
    up_.ended = true;
    return;
  }
  const std::string_view bytes(buffer.data(), *count);
  if (std::exchange(answered_, false)) {
    request_.clear();
    request_is_whole_ = true;
  }
  request_is_whole_ = request_is_whole_ && request_.size() + bytes.size() <= longest_request;
  if (request_is_whole_) {
    request_ += bytes;
  } else {
    request_.clear();
  }
  if (phase_ == Phase::silent) {
    phase_ = Phase::held;
    held_since_ = now;
  } else {
    send_up(bytes);
  }
}

void Pair::send_up(std::string_view bytes) {
  stream_->set_wait(at_once());
  const auto rest = written(*stream_, bytes);
  stream_refuses_ = !rest;
  up_.pending = rest.value_or("");
}

void Pair::read_stream(std::span<char> buffer, Instant now) {
  stream_->set_wait(at_once());
  const auto count = stream_->read_some(buffer);
  if (!count && count.error().reason == Reason::timed_out) return;
  if (!count) {
    // ssh has taken nothing of a first request; of others nobody knows.
    const bool untaken = !ever_answered_ && request_is_whole_;
    return untaken || is_safe_to_ask_again() ? hold_again(now) : give_up();
  }
  if (*count == 0) {
    down_.ended = true;
    ended_at_ = now;
    return;
  }
  answered_ = ever_answered_ = true;
  request_.clear();
  send_down({buffer.data(), *count});
}

void Pair::send_down(std::string_view bytes) {
  client_.set_wait(at_once());
  const auto rest = written(client_, bytes);
  if (!rest) phase_ = Phase::done;
  down_.pending = rest.value_or("");
}

// RFC 9110 9.2.1: whoever asks this asks for nothing to be done, so it may be asked twice.
bool Pair::is_safe_to_ask_again() const {
  if (answered_ || !request_is_whole_) return false;
  const auto line = std::string_view(request_).substr(0, request_.find("\r\n"));
  return (line.starts_with("GET ") || line.starts_with("HEAD ")) && line.contains(" HTTP/1.");
}

void Pair::hold_again(Instant now) {
  stream_.reset();
  up_.pending.clear();
  down_ = {};
  phase_ = Phase::held;
  held_since_ = now;
  not_before_ = now + retry_pause;
}

void Pair::give_up() {
  client_.break_off();
  phase_ = Phase::done;
}

void Pair::open(const Link::View& link, Instant now) {
  auto stream = Connection::open(link.stream, at_once());
  if (!stream) {  // the link has just gone, or ssh is behind with accepting
    not_before_ = now + full_pause;
    return;
  }
  stream_.emplace(std::move(*stream));
  link_ = link.number;
  phase_ = Phase::open;
  stream_refuses_ = up_.passed_on = false;
  send_up(request_);
}

void Pair::look(const Link::View& link, Instant now) {
  if (phase_ == Phase::held && !link.stream.empty() && link.proven >= *wants() &&
      now >= not_before_) {
    open(link, now);
  }
  if (phase_ == Phase::open) pass_ends(link, now);
}

void Pair::pass_ends(const Link::View& link, Instant now) {
  if (up_.ended && up_.pending.empty() && !up_.passed_on) {
    stream_->end_writing();
    up_.passed_on = true;
  }
  if (down_.ended && down_.pending.empty() && !down_.passed_on) {
    // the end of ssh, not of the answer
    if (!link.is(link_)) return is_safe_to_ask_again() ? hold_again(now) : give_up();
    if (link.proven >= ended_at_) {
      client_.end_writing();
      down_.passed_on = true;
    }
  }
  if (down_.passed_on && (up_.passed_on || stream_refuses_)) phase_ = Phase::done;
}

}  // namespace carrel
