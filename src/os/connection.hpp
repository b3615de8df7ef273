// A connected byte stream to a local server: a unix socket or a TCP address. Blocking, with a Wait for every step; one thread
// at a time. Nothing here speaks TLS: Carrel talks to its own servers through a private socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <variant>

#include "base/error.hpp"
#include "os/wait.hpp"

namespace carrel {

struct TcpAddress {
  std::string host;  // a numeric address
  std::uint16_t port = 0;
};
// Where a server listens, as seen from this computer.
using Endpoint = std::variant<std::filesystem::path, TcpAddress>;

class Connection {
 public:
  // Reason::unreachable when nobody listens there.
  static Result<Connection> open(const Endpoint& endpoint, const Wait& wait);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // At least one byte, or 0 at the end of the stream.
  Result<std::size_t> read_some(std::span<char> buffer);
  Result<std::size_t> write_some(std::span<const char> bytes);
  void set_wait(const Wait& wait) { wait_ = wait; }  // holds for the calls that follow
  int descriptor() const { return descriptor_; }

 private:
  explicit Connection(int descriptor, Wait wait) : descriptor_(descriptor), wait_(wait) {}
  int descriptor_ = -1;
  Wait wait_;
};

}  // namespace carrel
