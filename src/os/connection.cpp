#include "os/connection.hpp"

#include "base/error.hpp"
#include "os/detail.hpp"
#include "os/wait.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <expected>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace carrel {
namespace {

// How long the kernel may hold us in connect(2) before the Wait is looked at again.
constexpr long backlog_slice_us = 50'000;

std::string reason_text(int number) {
  return std::generic_category().message(number);
}

std::unexpected<Error> unreachable(const std::string& where, int number) {
  return fail({.what = fmt::format("cannot reach the server at {}", where),
               .why = reason_text(number),
               .hint = {},
               .exit = Exit::failed,
               .reason = Reason::unreachable,
               .trace = {}});
}

std::unexpected<Error> broken(std::string_view doing, int number) {
  return fail({.what = fmt::format("the connection broke while {}", doing),
               .why = reason_text(number),
               .hint = {},
               .exit = Exit::failed,
               .reason = Reason::unreachable,
               .trace = {}});
}

Result<> still_waiting(const Wait& wait) {
  if (wait.interrupt != nullptr && wait.interrupt->raised()) return fail(interrupted());
  if (wait.deadline && std::chrono::steady_clock::now() >= *wait.deadline) return fail(timed_out());
  return {};
}

void set_nonblocking(int descriptor, bool on) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  ::fcntl(descriptor, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

void acknowledge_at_once([[maybe_unused]] int descriptor) {
#ifdef TCP_QUICKACK
  const int on = 1;  // not permanent: the kernel may fall back after any segment
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#endif
}

// connect(2) to a unix socket with a full backlog cannot be polled for: it blocks, in slices.
Result<> connect_unix(int descriptor, const std::filesystem::path& path, const Wait& wait) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& name = path.native();
  if (name.empty() || name.size() >= sizeof address.sun_path ||
      name.find('\0') != std::string::npos) {
    return fail({.what = fmt::format("cannot reach the server at {}", name),
                 .why = fmt::format("a socket's path has 1 to {} bytes, this one {}",
                                    sizeof address.sun_path - 1, name.size()),
                 .hint = {},
                 .exit = Exit::failed,
                 .reason = Reason::unreachable,
                 .trace = {}});
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  const timeval slice{.tv_sec = 0, .tv_usec = backlog_slice_us};
  // NOLINTNEXTLINE(misc-include-cleaner): sys/socket.h gives them through a private header
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice);
  set_nonblocking(descriptor, false);
  while (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EAGAIN && errno != EINTR) return unreachable(name, errno);
    TRY(still_waiting(wait));
  }
  set_nonblocking(descriptor, true);
  return {};
}

Result<> connect_tcp(int descriptor, const sockaddr* address, socklen_t size,
                     const std::string& where, const Wait& wait) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, address, size) == 0) return {};
  if (errno != EINPROGRESS && errno != EINTR) return unreachable(where, errno);
  TRY(wait_for(descriptor, POLLOUT, wait));
  int outcome = 0;
  socklen_t length = sizeof outcome;
  // NOLINTNEXTLINE(misc-include-cleaner): the same
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &outcome, &length);
  if (outcome != 0) return unreachable(where, outcome);
  return {};
}

Result<> connect_tcp(int descriptor, const TcpAddress& tcp, bool version6, const Wait& wait) {
  const std::string where = fmt::format("{}:{}", tcp.host, tcp.port);
  if (version6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(tcp.port);
    ::inet_pton(AF_INET6, tcp.host.c_str(), &address.sin6_addr);
    return connect_tcp(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address,
                       where, wait);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(tcp.port);
  if (::inet_pton(AF_INET, tcp.host.c_str(), &address.sin_addr) != 1) {
    return fail({.what = fmt::format("cannot reach the server at {}", where),
                 .why = fmt::format("{} is not a numeric address", tcp.host),
                 .hint = {},
                 .exit = Exit::failed,
                 .reason = Reason::unreachable,
                 .trace = {}});
  }
  return connect_tcp(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address, where,
                     wait);
}

}  // namespace

Result<Connection> Connection::open(const Endpoint& endpoint, const Wait& wait) {
  if (wait.interrupt != nullptr && wait.interrupt->raised()) return fail(interrupted());
  const auto* tcp = std::get_if<TcpAddress>(&endpoint);
  in6_addr ignored{};
  const bool version6 = tcp != nullptr && ::inet_pton(AF_INET6, tcp->host.c_str(), &ignored) == 1;
  const int family = tcp == nullptr ? AF_UNIX : version6 ? AF_INET6 : AF_INET;
#ifdef SOCK_CLOEXEC
  const int descriptor = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
#else
  const int descriptor = ::socket(family, SOCK_STREAM, 0);
#endif
  if (descriptor < 0) {
    return fail({.what = "cannot make a socket",
                 .why = reason_text(errno),
                 .hint = {},
                 .exit = Exit::failed,
                 .reason = Reason::other,
                 .trace = {}});
  }
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);  // where socket(2) cannot
  set_nonblocking(descriptor, true);
  Connection connection(descriptor, tcp != nullptr, wait);
  if (tcp != nullptr) {
    TRY(connect_tcp(descriptor, *tcp, version6, wait));
  } else {
    TRY(connect_unix(descriptor, std::get<std::filesystem::path>(endpoint), wait));
  }
  return connection;
}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), tcp_(other.tcp_), wait_(other.wait_) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(tcp_, other.tcp_);
  std::swap(wait_, other.wait_);
  return *this;
}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Connection::end_writing() {
  ::shutdown(descriptor_, SHUT_WR);
}

void Connection::break_off() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  // NOLINTNEXTLINE(misc-include-cleaner): sys/socket.h gives it through a private header
  if (tcp_) ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

Result<std::size_t> Connection::read_some(std::span<char> buffer) {
  while (true) {
    if (wait_.interrupt != nullptr && wait_.interrupt->raised()) return fail(interrupted());
    const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count >= 0) {
      if (tcp_) acknowledge_at_once(descriptor_);
      return static_cast<std::size_t>(count);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      TRY(wait_for(descriptor_, POLLIN, wait_));
    } else if (errno != EINTR) {
      return broken("reading", errno);
    }
  }
}

Result<std::size_t> Connection::write_some(std::span<const char> bytes) {
  while (true) {
    if (wait_.interrupt != nullptr && wait_.interrupt->raised()) return fail(interrupted());
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      TRY(wait_for(descriptor_, POLLOUT, wait_));
    } else if (errno != EINTR) {
      return broken("writing", errno);
    }
  }
}

}  // namespace carrel
