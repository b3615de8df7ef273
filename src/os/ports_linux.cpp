#include "base/error.hpp"
#include "base/text.hpp"
#include "os/ports.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <optional>
#include <pwd.h>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr int listen_state = 0x0A;

struct Listener {
  uid_t uid = 0;
  std::string inode;
};

// A line: sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ... (proc(5),
// addresses in hexadecimal)
std::optional<Listener> listener_in(const char* table, std::uint16_t port) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string slot;
    std::string local;
    std::string remote;
    std::string state;
    std::string queues;
    std::string timer;
    std::string retransmits;
    std::string uid;
    std::string timeout;
    std::string inode;
    words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >>
        inode;
    const auto colon = local.rfind(':');
    if (colon == std::string::npos) continue;
    unsigned found = 0;
    unsigned status = 0;
    std::from_chars(local.data() + colon + 1, local.data() + local.size(), found, 16);
    std::from_chars(state.data(), state.data() + state.size(), status, 16);
    if (found != port || status != listen_state) continue;
    uid_t owner = 0;
    std::from_chars(uid.data(), uid.data() + uid.size(), owner);
    return Listener{owner, inode};
  }
  return std::nullopt;
}

// Listens for a moment; 0: on the one that the kernel gives. None: it cannot be had.
std::optional<std::uint16_t> port_had(const std::string& ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1) return std::nullopt;
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::nullopt;
  const int on = 1;  // as servers do: a connection that is still closing does not make a port taken
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  const bool had = bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                   listen(descriptor, 1) == 0 &&
                   getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(descriptor);
  if (!had) return std::nullopt;
  return ntohs(address.sin_port);
}

std::optional<pid_t> holder_of(const std::string& inode) {
  const std::string wanted = fmt::format("socket:[{}]", inode);
  std::error_code error;
  std::filesystem::directory_iterator process("/proc", error);
  std::error_code ended;
  for (; !ended && process != std::filesystem::directory_iterator(); process.increment(ended)) {
    const std::string name = process->path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    std::filesystem::directory_iterator descriptor(process->path() / "fd", error);
    for (; !error && descriptor != std::filesystem::directory_iterator();
         descriptor.increment(error)) {
      std::error_code unreadable;
      if (std::filesystem::read_symlink(descriptor->path(), unreadable) == wanted) return pid;
    }
  }
  return std::nullopt;
}

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return entry.pw_name;
  return fmt::format("user {}", uid);
}

}  // namespace

bool port_is_free(const std::string& ip, std::uint16_t port) {
  return port != 0 && port_had(ip, port).has_value();
}

Result<std::uint16_t> free_port(const std::string& ip, std::uint16_t from) {
  for (unsigned port = from; port < from + 1000U && port <= 65535U; ++port) {
    if (port_is_free(ip, static_cast<std::uint16_t>(port))) return static_cast<std::uint16_t>(port);
  }
  if (const auto any = port_had(ip, 0)) return *any;
  return fail({.what = fmt::format("no free port was found from {} on", from),
               .why = {},
               .hint = "choose one: carrel up --port PORT",
               .trace = {}});
}

std::optional<PortHolder> port_holder(std::uint16_t port) {
  auto listener = listener_in("/proc/net/tcp", port);
  if (!listener) listener = listener_in("/proc/net/tcp6", port);
  if (!listener) return std::nullopt;
  PortHolder holder;
  holder.user = user_name(listener->uid);
  if (const auto pid = holder_of(listener->inode)) {
    holder.pid = *pid;
    std::ifstream comm(fmt::format("/proc/{}/comm", *pid));
    std::string name;  // the program's own choice: it may hold anything
    std::getline(comm, name);
    holder.program = printable(name);
  }
  return holder;
}

}  // namespace carrel
