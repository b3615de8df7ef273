// A connected byte stream to a local server: a unix socket or a TCP address. Blocking, with a Wait
// for every step; one thread at a time. Nothing here speaks TLS: Carrel talks to its own servers
// through a private socket.
//
// What is already there is given even when the deadline has passed, so that an expired Wait means
// "what has come so far"; a raised interrupt ends a call whatever there is, so that a stream that
// never pauses can be left. Over TCP, Nagle's algorithm is off and received bytes are acknowledged
// at once: a delayed acknowledgement costs 40 ms a cell.
#pragma once

#include "base/error.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <variant>

namespace carrel {

struct TcpAddress {
  std::string host;  // a numeric address
  std::uint16_t port = 0;
};
// Where a server listens, as seen from this computer.
using Endpoint = std::variant<std::filesystem::path, TcpAddress>;

class Connection {
 public:
  // Reason::unreachable when nobody listens there. A unix socket whose server has not accepted yet
  // is waited for.
  static Result<Connection> open(const Endpoint& endpoint, const Wait& wait);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // At least one byte, or 0 at the end of the stream. Reason::unreachable when the other side broke
  // off.
  Result<std::size_t> read_some(std::span<char> buffer);
  Result<std::size_t> write_some(std::span<const char> bytes);
  void set_wait(const Wait& wait) { wait_ = wait; }  // holds for the calls that follow
  // The other side reads the end of the stream after what was written; it may go on writing.
  void end_writing();
  // The destructor resets a TCP connection instead of closing it: the other side shall see that
  // what it has is not all.
  void break_off();
  int descriptor() const { return descriptor_; }

 private:
  friend class Listener;
  Connection(int descriptor, bool tcp, Wait wait)
      : descriptor_(descriptor), tcp_(tcp), wait_(wait) {}
  int descriptor_ = -1;
  bool tcp_ = false;
  Wait wait_;
};

}  // namespace carrel
