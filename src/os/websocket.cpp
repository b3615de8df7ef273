#include "base/error.hpp"
#include "os/connection.hpp"
#include "os/http.hpp"
#include "os/http_exchange.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"
#include "os/websocket_frame.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/websocket/detail/hybi13.hpp>
#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::size_t message_limit = std::size_t{512} << 20U;
constexpr std::size_t read_size = std::size_t{64} << 10U;
constexpr std::string_view normal_closure = "\x03\xE8";  // 1000, section 7.4.1
constexpr std::string_view protocol_error = "\x03\xEA";  // 1002

Error websocket_error(std::string what, std::string why, Reason reason) {
  return {.what = std::move(what),
          .why = std::move(why),
          .hint = {},
          .exit = Exit::failed,
          .reason = reason,
          .trace = {}};
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return lower(x) == lower(y);
  });
}

bool lists_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
    while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
    if (same_word(item, word)) return true;
  }
  return false;
}

Wait at_once(const Wait& wait) {
  return {.deadline = std::chrono::steady_clock::now(), .interrupt = wait.interrupt};
}

class ClientWebSocket final : public WebSocket {
 public:
  ClientWebSocket(Connection connection, std::string subprotocol, std::string_view surplus)
      : connection_(std::move(connection)), subprotocol_(std::move(subprotocol)) {
    reader_.put(surplus);
  }
  ClientWebSocket(const ClientWebSocket&) = delete;
  ClientWebSocket& operator=(const ClientWebSocket&) = delete;
  ~ClientWebSocket() override {
    if (!over_) say_goodbye(normal_closure);
  }

  const std::string& subprotocol() const override { return subprotocol_; }

  Result<> send(const WebSocketMessage& message, const Wait& wait) override {
    if (over_) return fail(*over_);
    queue(message.binary ? Opcode::binary : Opcode::text, message.bytes);
    return flush(wait);
  }

  Result<WebSocketMessage> receive(const Wait& wait) override {
    while (true) {
      if (over_) return fail(*over_);
      auto event = reader_.next();
      if (!event) {
        say_goodbye(protocol_error);
        return end(std::move(event).error());
      }
      if (!*event) {
        TRY(exchange_bytes(wait));
        continue;
      }
      FrameEvent& frame = **event;
      switch (frame.opcode) {
        case Opcode::ping:
          pong_ = std::move(frame.bytes);
          break;
        case Opcode::close:
          say_goodbye(std::string_view(frame.bytes).substr(0, 2));
          return end(websocket_error("the server closed the connection", reason_of(frame.bytes),
                                     Reason::unreachable));
        case Opcode::pong:
          break;
        default:
          return WebSocketMessage{frame.opcode == Opcode::binary, std::move(frame.bytes)};
      }
    }
  }

 private:
  void queue(Opcode opcode, std::string_view payload) {
    outbox_ += encode_frame(opcode, payload, SystemRandom().bytes(4));
  }

  // Only the latest ping is answered (section 5.5.3): what waits to be sent cannot grow with the
  // pings.
  void queue_pong() {
    if (pong_ && outbox_.empty()) queue(Opcode::pong, *std::exchange(pong_, std::nullopt));
  }

  Result<> flush(const Wait& wait) {
    connection_.set_wait(wait);
    for (queue_pong(); !outbox_.empty(); queue_pong()) {
      auto count = connection_.write_some(
          std::span<const char>(outbox_).subspan(sent_, outbox_.size() - sent_));
      if (!count) return failed(std::move(count).error());
      sent_ += *count;
      if (sent_ == outbox_.size()) {
        outbox_.clear();
        sent_ = 0;
      }
    }
    return {};
  }

  // Waits for bytes, and sends meanwhile what there is to send.
  Result<> exchange_bytes(const Wait& wait) {
    auto flushed = flush(at_once(wait));
    if (!flushed && flushed.error().reason != Reason::timed_out) return flushed;
    const bool both = !flushed;
    if (both) TRY(wait_for(connection_.descriptor(), POLLIN | POLLOUT, wait));
    connection_.set_wait(both ? at_once(wait) : wait);
    auto count = connection_.read_some(bytes_);
    if (!count) {
      if (both && count.error().reason == Reason::timed_out) return {};
      return failed(std::move(count).error());
    }
    if (*count == 0) {
      return end(websocket_error("the server closed the connection", "without a goodbye",
                                 Reason::unreachable));
    }
    reader_.put(std::string_view(bytes_.data(), *count));
    return {};
  }

  // A wait that ended leaves the connection as it is; anything else is its end.
  std::unexpected<Error> failed(Error error) {
    if (error.reason == Reason::timed_out || error.reason == Reason::interrupted) {
      return fail(std::move(error));
    }
    return end(std::move(error));
  }

  std::unexpected<Error> end(Error error) {
    over_ = std::move(error);
    return fail(*over_);
  }

  // Never behind half a message, never waiting.
  void say_goodbye(std::string_view code) {
    if (sent_ > 0) return;
    outbox_.clear();
    queue(Opcode::close, code);
    // it is the end whether this arrives or not
    [[maybe_unused]] const auto sent = flush(at_once({}));
  }

  static std::string reason_of(std::string_view close) {
    if (close.size() < 2) return {};
    const int code =
        (static_cast<unsigned char>(close[0]) << 8) | static_cast<unsigned char>(close[1]);
    return fmt::format("code {}{}{}", code, close.size() > 2 ? ": " : "", close.substr(2));
  }

  Connection connection_;
  std::string subprotocol_;
  FrameReader reader_{message_limit};
  std::string outbox_;    // whole frames
  std::size_t sent_ = 0;  // bytes of outbox_ that have gone
  std::optional<std::string> pong_;
  std::optional<Error> over_;
  std::array<char, read_size> bytes_{};
};

HttpRequest upgrade(const std::string& target, const Headers& headers,
                    const std::string& subprotocol, std::string_view key) {
  HttpRequest request{.method = "GET", .target = target, .headers = headers, .body = {}};
  request.headers.emplace_back("Connection", "Upgrade");
  request.headers.emplace_back("Upgrade", "websocket");
  request.headers.emplace_back("Sec-WebSocket-Version", "13");
  request.headers.emplace_back("Sec-WebSocket-Key", key);
  if (!subprotocol.empty()) request.headers.emplace_back("Sec-WebSocket-Protocol", subprotocol);
  return request;
}

// Section 4.1, "the client MUST validate the server's response".
Result<> check_upgrade(const HttpResponse& answer, const std::string& subprotocol,
                       std::string_view accept) {
  if (answer.status != 101) {
    return fail(websocket_error("the server refused a WebSocket",
                                fmt::format("HTTP status {}", answer.status),
                                answer.status == 404 ? Reason::not_found : Reason::refused));
  }
  const std::string_view chosen = answer.header("Sec-WebSocket-Protocol");
  std::string_view wrong;
  if (!same_word(answer.header("Upgrade"), "websocket")) wrong = "Upgrade";
  if (!lists_word(answer.header("Connection"), "upgrade")) wrong = "Connection";
  if (answer.header("Sec-WebSocket-Accept") != accept) wrong = "Sec-WebSocket-Accept";
  if (!answer.header("Sec-WebSocket-Extensions").empty()) wrong = "Sec-WebSocket-Extensions";
  if (!chosen.empty() && chosen != subprotocol) wrong = "Sec-WebSocket-Protocol";
  if (wrong.empty()) return {};
  return fail(websocket_error("the server broke the WebSocket protocol",
                              fmt::format("its header {} is wrong", wrong), Reason::corrupt));
}

}  // namespace

Result<std::unique_ptr<WebSocket>> open_websocket(const Endpoint& endpoint,
                                                  const std::string& target, const Headers& headers,
                                                  const std::string& subprotocol,
                                                  const Wait& wait) {
  namespace handshake = boost::beast::websocket::detail;
  handshake::sec_ws_key_type key;
  handshake::make_sec_ws_key(key);
  handshake::sec_ws_accept_type accept;
  handshake::make_sec_ws_accept(accept, {key.data(), key.size()});
  Connection connection = TRY(Connection::open(endpoint, wait));
  const HttpExchange opened = TRY(exchange(
      connection, upgrade(target, headers, subprotocol, std::string_view(key.data(), key.size()))));
  TRY(check_upgrade(opened.response, subprotocol, std::string_view(accept.data(), accept.size())));
  return std::make_unique<ClientWebSocket>(
      std::move(connection), std::string(opened.response.header("Sec-WebSocket-Protocol")),
      opened.surplus);
}

}  // namespace carrel
