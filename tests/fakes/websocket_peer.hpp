// The server's side of a WebSocket, written out byte by byte for tests (RFC 6455): says what a test
// wants, also what is wrong.
#pragma once

#include "fakes/local_server.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/websocket/detail/hybi13.hpp>

namespace carrel::testing {

inline std::string websocket_accept(std::string_view key) {
  boost::beast::websocket::detail::sec_ws_accept_type accept;
  boost::beast::websocket::detail::make_sec_ws_accept(accept, {key.data(), key.size()});
  return {accept.data(), accept.size()};
}

inline std::string field(std::string_view head, std::string_view name) {
  const std::string start = "\r\n" + std::string(name) + ": ";
  const std::size_t found = head.find(start);
  if (found == std::string_view::npos) return {};
  const std::string_view rest = head.substr(found + start.size());
  return std::string(rest.substr(0, rest.find("\r\n")));
}

// 101 for the request with this head.
inline std::string upgrade_answer(std::string_view head, std::string_view more_headers = {}) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         websocket_accept(field(head, "Sec-WebSocket-Key")) + "\r\n" + std::string(more_headers) +
         "\r\n";
}

constexpr unsigned char final_text = 0x81;
constexpr unsigned char final_binary = 0x82;
constexpr unsigned char final_close = 0x88;
constexpr unsigned char final_ping = 0x89;
constexpr unsigned char final_pong = 0x8A;

// A frame as servers send it, not masked. `first`: FIN and opcode.
inline std::string server_frame(unsigned char first, std::string_view payload) {
  std::string frame(1, static_cast<char>(first));
  const std::uint64_t size = payload.size();
  int extended = 0;
  if (size <= 125) {
    frame.push_back(static_cast<char>(size));
  } else {
    extended = size <= 0xFFFF ? 2 : 8;
    frame.push_back(static_cast<char>(extended == 2 ? 126 : 127));
  }
  for (int i = extended - 1; i >= 0; --i) frame.push_back(static_cast<char>(size >> (8 * i)));
  return frame.append(payload);
}

struct ClientFrame {
  unsigned char first = 0;
  bool masked = false;
  std::string payload;
};

// None when the client has gone.
inline std::optional<ClientFrame> read_client_frame(Peer& peer) {
  const std::string head = peer.read_exactly(2);
  if (head.size() < 2) return std::nullopt;
  const auto second = static_cast<unsigned char>(head[1]);
  std::uint64_t size = second & 0x7FU;
  if (size >= 126) {
    const std::string extended = peer.read_exactly(size == 126 ? 2 : 8);
    size = 0;
    for (const char c : extended) size = (size << 8U) | static_cast<unsigned char>(c);
  }
  ClientFrame frame{static_cast<unsigned char>(head[0]), (second & 0x80U) != 0, {}};
  const std::string mask = peer.read_exactly(4);
  frame.payload = peer.read_exactly(size);
  for (std::size_t i = 0; i < frame.payload.size(); ++i) {
    frame.payload[i] = static_cast<char>(frame.payload[i] ^ mask[i % 4]);
  }
  return frame;
}

}  // namespace carrel::testing
