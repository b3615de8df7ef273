// HTTP/1.1 requests (RFC 9112) and WebSocket connections (RFC 6455) to a local server, over
// Connection. Boost.Beast parses the answers; it is included in http.cpp and websocket.cpp only.
// WebSocket frames are our own (websocket_frame.hpp): Beast's stream cannot go on after a read that
// ended early.
#pragma once

#include "base/error.hpp"
#include "os/connection.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query, already encoded
  Headers headers = {};      // Host is set to localhost when absent; Content-Length by the body
  std::string body = {};
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::string_view header(std::string_view name) const;  // "" when absent; case-insensitive
};

class Http {
 public:
  virtual ~Http() = default;
  // One connection for the request. Any status is an answer; errors: unreachable (nobody listens,
  // connection lost before the answer was whole), timed_out, interrupted, refused (a body over 512
  // MiB), corrupt (not HTTP, a head over 64 KiB).
  virtual Result<HttpResponse> send(const Endpoint& endpoint, const HttpRequest& request,
                                    const Wait& wait) = 0;
};

class LocalHttp final : public Http {
 public:
  Result<HttpResponse> send(const Endpoint& endpoint, const HttpRequest& request,
                            const Wait& wait) override;
};

struct WebSocketMessage {
  bool binary = false;
  std::string bytes;
};

class WebSocket {
 public:
  virtual ~WebSocket() = default;
  virtual const std::string& subprotocol() const = 0;  // what the server chose; "" if none
  // After a timeout or an interrupt the message is still on its way: the next call of either kind
  // sends the rest first.
  virtual Result<> send(const WebSocketMessage& message, const Wait& wait) = 0;
  // The next message; pings are answered. Closed by the other side: Reason::unreachable. A timeout
  // or an interrupt leaves the connection usable, also in the middle of a message. A Wait that has
  // expired gives what has already come. Messages over 512 MiB and frames that RFC 6455 forbids:
  // Reason::corrupt, and the connection is of no more use.
  virtual Result<WebSocketMessage> receive(const Wait& wait) = 0;
};

// No compression is offered. An answer other than 101: Reason::not_found for 404, else refused,
// with its status as `why`. Closed by the destructor with a close frame, without waiting.
Result<std::unique_ptr<WebSocket>> open_websocket(const Endpoint& endpoint,
                                                  const std::string& target, const Headers& headers,
                                                  const std::string& subprotocol, const Wait& wait);

}  // namespace carrel
