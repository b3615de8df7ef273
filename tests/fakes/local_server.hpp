// A server on a unix socket or a loopback port for tests of clients: every accepted connection is
// handed to `serve` on a thread of its own. The destructor closes all connections, so that no
// handler outlives it.
#pragma once

#include "os/connection.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carrel::testing {

// The server's end of one connection. Reads give what there is when the client has gone.
class Peer {
 public:
  explicit Peer(int descriptor) : descriptor_(descriptor) {}

  std::string read_exactly(std::size_t count) {
    while (bytes_.size() < count && more()) {
    }
    return take(count);
  }
  std::string read_until(std::string_view end) {
    while (bytes_.find(end) == std::string::npos && more()) {
    }
    const std::size_t found = bytes_.find(end);
    return take(found == std::string::npos ? bytes_.size() : found + end.size());
  }
  std::string read_rest() {
    while (more()) {
    }
    return take(bytes_.size());
  }
  // A request with its body by Content-Length.
  std::pair<std::string, std::string> read_request() {
    std::string head = read_until("\r\n\r\n");
    const std::size_t length = head.find("Content-Length: ");
    const std::size_t size =
        length == std::string::npos ? 0 : std::strtoul(head.c_str() + length + 16, nullptr, 10);
    return {std::move(head), read_exactly(size)};
  }
  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  int descriptor() const { return descriptor_; }

 private:
  bool more() {
    std::array<char, 65536> buffer{};
    const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count > 0) bytes_.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
  }
  std::string take(std::size_t count) {
    std::string taken = bytes_.substr(0, count);
    bytes_.erase(0, count);
    return taken;
  }

  int descriptor_;
  std::string bytes_;
};

class LocalServer {
 public:
  using Serve = std::function<void(Peer&)>;
  enum class Kind { unix_socket, tcp4, tcp6 };

  explicit LocalServer(Serve serve, Kind kind = Kind::unix_socket) : serve_(std::move(serve)) {
    kind == Kind::unix_socket ? listen_unix() : listen_tcp(kind == Kind::tcp6);
    start();
  }
  // On a unix socket at `path`, where nothing is yet.
  LocalServer(Serve serve, const std::filesystem::path& path) : serve_(std::move(serve)) {
    listen_unix(path);
    start();
  }
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;
  ~LocalServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::scoped_lock lock(mutex_);
      for (const int descriptor : descriptors_) ::shutdown(descriptor, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (const int descriptor : descriptors_) ::close(descriptor);
    ::close(listener_);
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  void start() {
    if (listener_ < 0 || ::listen(listener_, SOMAXCONN) != 0) {
      throw std::runtime_error("cannot listen");
    }
    acceptor_ = std::thread([this] { accept_all(); });
  }
  void listen_unix() {
    std::string name = std::filesystem::temp_directory_path() / "carrel-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    folder_ = name;
    listen_unix(folder_ / "s");
  }
  void listen_unix(const std::filesystem::path& path) {
    endpoint_ = path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  void listen_tcp(bool version6) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address =
        version6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    socklen_t size = version6 ? sizeof six : sizeof four;
    listener_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(listener_, address, size);
    ::getsockname(listener_, address, &size);
    const std::uint16_t port = ntohs(version6 ? six.sin6_port : four.sin_port);
    endpoint_ = TcpAddress{version6 ? "::1" : "127.0.0.1", port};
  }
  void accept_all() {
    while (true) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) return;
      const std::scoped_lock lock(mutex_);
      descriptors_.push_back(descriptor);
      threads_.emplace_back([this, descriptor] {
        Peer peer(descriptor);
        serve_(peer);
        ::shutdown(descriptor, SHUT_RDWR);
      });
    }
  }

  Serve serve_;
  Endpoint endpoint_;
  std::filesystem::path folder_;
  int listener_ = -1;
  std::mutex mutex_;
  std::vector<int> descriptors_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace carrel::testing
