#include "os/relay.hpp"

#include "base/error.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <poll.h>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>

namespace carrel {
namespace {

constexpr std::size_t buffer_size = 65536;

Result<> write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
      ::poll(&out, 1, -1);
      continue;
    }
    if (count < 0) return fail(system_error("cannot write to standard output", errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<> send(Connection& connection, std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(TRY(connection.write_some(bytes)));
  return {};
}

}  // namespace

Result<> relay(Connection& connection, const Wait& wait) {
  connection.set_wait(wait);
  std::array<char, buffer_size> buffer{};
  bool input_ended = false;
  while (true) {
    std::array<pollfd, 3> watched = {
        {{.fd = input_ended ? -1 : STDIN_FILENO, .events = POLLIN, .revents = 0},
         {.fd = connection.descriptor(), .events = POLLIN, .revents = 0},
         {.fd = wait.interrupt != nullptr ? wait.interrupt->descriptor() : -1,
          .events = POLLIN,
          .revents = 0}}};
    ::poll(watched.data(), watched.size(), -1);
    if (watched[2].revents != 0) return {};
    if (watched[1].revents != 0) {
      const auto count = TRY(connection.read_some(buffer));
      if (count == 0) return {};
      TRY(write_out({buffer.data(), count}));
    }
    if (watched[0].revents != 0) {
      const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count > 0) {
        TRY(send(connection, {buffer.data(), static_cast<std::size_t>(count)}));
      } else {
        input_ended = true;
        connection.end_writing();
      }
    }
  }
}

}  // namespace carrel
