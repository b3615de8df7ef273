#include "os/listener.hpp"

#include "base/error.hpp"
#include "os/connection.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <expected>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace carrel {
namespace {

std::unexpected<Error> cannot_listen(const std::string& where, int number) {
  Error error = system_error("cannot listen on " + where, number);
  if (number == EADDRINUSE) error.reason = Reason::busy;
  if (number == EADDRNOTAVAIL || number == EAFNOSUPPORT) error.reason = Reason::not_found;
  return fail(std::move(error));
}

Result<Descriptor> make_socket(int family, const std::string& where) {
  Descriptor socket(::socket(family, SOCK_STREAM, 0));
  if (!socket) return cannot_listen(where, errno);
  ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  return socket;
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::optional<Address> address_of(const TcpAddress& tcp) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, tcp.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(tcp.port);
    address.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, tcp.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(tcp.port);
    address.size = sizeof *v6;
  } else {
    return std::nullopt;
  }
  return address;
}

std::optional<Address> address_of(const std::filesystem::path& path) {
  Address address;
  auto* unix_address = reinterpret_cast<sockaddr_un*>(&address.storage);
  const std::string& name = path.native();
  if (name.empty() || name.size() >= sizeof unix_address->sun_path || name.contains('\0')) {
    return std::nullopt;
  }
  unix_address->sun_family = AF_UNIX;
  std::memcpy(unix_address->sun_path, name.data(), name.size());
  address.size = sizeof *unix_address;
  return address;
}

}  // namespace

Result<Listener> Listener::open(const Endpoint& endpoint) {
  const auto* tcp = std::get_if<TcpAddress>(&endpoint);
  const std::string where = tcp != nullptr ? fmt::format("{}:{}", tcp->host, tcp->port)
                                           : std::get<std::filesystem::path>(endpoint).string();
  auto address =
      tcp != nullptr ? address_of(*tcp) : address_of(std::get<std::filesystem::path>(endpoint));
  if (!address) return cannot_listen(where, EINVAL);
  const int family = address->storage.ss_family;
  Descriptor socket = TRY(make_socket(family, where));
  const int on = 1;
  // connections of a predecessor that are still closing do not make the port taken
  if (tcp != nullptr) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(socket.get(), address->get(), address->size) != 0) return cannot_listen(where, errno);
  // before it listens nobody can connect
  if (tcp == nullptr) ::chmod(where.c_str(), 0600);
  if (::listen(socket.get(), SOMAXCONN) != 0) return cannot_listen(where, errno);
  Endpoint bound = endpoint;
  if (tcp != nullptr && ::getsockname(socket.get(), address->get(), &address->size) == 0) {
    const std::uint16_t port = family == AF_INET
                                   ? reinterpret_cast<sockaddr_in*>(&address->storage)->sin_port
                                   : reinterpret_cast<sockaddr_in6*>(&address->storage)->sin6_port;
    bound = TcpAddress{.host = tcp->host, .port = ntohs(port)};
  }
  return Listener(socket.release(), std::move(bound));
}

Result<std::optional<Connection>> Listener::accept() const {
  Descriptor socket(::accept(descriptor_, nullptr, nullptr));
  if (!socket) {
    const bool nobody =
        errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED;
    if (nobody) return std::optional<Connection>();
    return fail(system_error("cannot accept a connection", errno));
  }
  ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  const bool tcp = std::holds_alternative<TcpAddress>(endpoint_);
  const int on = 1;
  if (tcp) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return std::optional(Connection(socket.release(), tcp, Wait{}));
}

Listener::Listener(Listener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), endpoint_(std::move(other.endpoint_)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(endpoint_, other.endpoint_);
  return *this;
}

Listener::~Listener() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace carrel
