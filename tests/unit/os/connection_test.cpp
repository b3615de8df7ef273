#include "os/connection.hpp"

#include "fakes/local_server.hpp"
#include "os/wait.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using std::chrono::seconds;
using testing::LocalServer;
using testing::Peer;

const Wait patient = Wait::at_most(seconds(30));
const Wait expired{.deadline = std::chrono::steady_clock::now(), .interrupt = nullptr};

std::string read_to_end(Connection& connection) {
  std::string all;
  std::array<char, 100> buffer{};
  while (true) {
    auto count = connection.read_some(buffer);
    EXPECT_TRUE(count);
    if (!count || *count == 0) return all;
    all.append(buffer.data(), *count);
  }
}

TEST(Connection, carries_bytes_both_ways_over_each_kind_of_socket) {
  for (const auto kind :
       {LocalServer::Kind::unix_socket, LocalServer::Kind::tcp4, LocalServer::Kind::tcp6}) {
    LocalServer server([](Peer& peer) { peer.write("you said " + peer.read_exactly(5)); }, kind);
    auto connection = Connection::open(server.endpoint(), patient);
    ASSERT_TRUE(connection) << connection.error().why;
    ASSERT_EQ(connection->write_some(std::string_view("hello")).value_or(0), 5U);
    EXPECT_EQ(read_to_end(*connection), "you said hello");
  }
}

TEST(Connection, sends_small_writes_over_tcp_at_once) {
  LocalServer server([](Peer& peer) { peer.read_rest(); }, LocalServer::Kind::tcp4);
  auto connection = Connection::open(server.endpoint(), patient);
  ASSERT_TRUE(connection);
  int value = 0;
  socklen_t size = sizeof value;
  ASSERT_EQ(::getsockopt(connection->descriptor(), IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
  EXPECT_NE(value, 0);
}

TEST(Connection, is_closed_in_programs_that_are_started) {
  LocalServer server([](Peer& peer) { peer.read_rest(); });
  auto connection = Connection::open(server.endpoint(), patient);
  ASSERT_TRUE(connection);
  EXPECT_NE(::fcntl(connection->descriptor(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Connection, says_unreachable_where_nobody_can_be) {
  struct Case {
    const char* name;
    Endpoint endpoint;
    const char* why;
  };
  const auto folder = std::filesystem::temp_directory_path();
  const std::vector<Case> cases = {
      {"no socket there", folder / "carrel-no-such-socket", "No such file"},
      {"not a socket", std::filesystem::path("/dev/null"), "refused"},
      {"a path too long for a socket", folder / std::string(200, 'x'), "107 bytes"},
      {"an empty path", std::filesystem::path(), "1 to 107 bytes"},
      {"a name for an address", TcpAddress{"localhost", 1}, "not a numeric address"},
      {"a closed port", TcpAddress{"127.0.0.1", 1}, "refused"},
  };
  for (const Case& c : cases) {
    auto connection = Connection::open(c.endpoint, patient);
    ASSERT_FALSE(connection) << c.name;
    EXPECT_EQ(connection.error().reason, Reason::unreachable) << c.name;
    EXPECT_NE(connection.error().why.find(c.why), std::string::npos)
        << c.name << ": " << connection.error().why;
  }
}

// A listener that never accepts, with its backlog full.
class FullBacklog {
 public:
  FullBacklog() {
    std::string name = std::filesystem::temp_directory_path() / "carrel-test-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 0);
    auto first = Connection::open(path(), patient);
    EXPECT_TRUE(first);
    waiting_.push_back(std::move(*first));
  }
  FullBacklog(const FullBacklog&) = delete;
  FullBacklog& operator=(const FullBacklog&) = delete;
  ~FullBacklog() {
    ::close(listener_);
    std::filesystem::remove_all(folder_);
  }
  std::filesystem::path path() const { return folder_ / "s"; }
  Connection& client() { return waiting_.front(); }  // connected, never accepted
  void accept_one() const { ::close(::accept(listener_, nullptr, nullptr)); }

 private:
  std::filesystem::path folder_;
  int listener_ = -1;
  std::vector<Connection> waiting_;
};

TEST(Connection, waits_for_room_in_the_backlog_of_a_unix_socket) {
  const FullBacklog server;
  auto opened = std::async(std::launch::async,
                           [&] { return Connection::open(server.path(), patient).has_value(); });
  server.accept_one();
  EXPECT_TRUE(opened.get());
}

TEST(Connection, stops_waiting_for_a_full_backlog_at_the_deadline_or_an_interrupt) {
  const FullBacklog server;
  auto late = Connection::open(server.path(), expired);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::timed_out);

  Interrupt interrupt;
  auto opened = std::async(std::launch::async, [&] {
    return Connection::open(server.path(), Wait{.deadline = {}, .interrupt = &interrupt});
  });
  interrupt.raise();
  auto result = opened.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::interrupted);
}

TEST(Connection, an_expired_wait_gives_what_has_come_and_no_more) {
  std::promise<void> written;
  LocalServer server([&](Peer& peer) {
    peer.write("abc");
    written.set_value();
    peer.read_rest();
  });
  auto connection = Connection::open(server.endpoint(), patient);
  ASSERT_TRUE(connection);
  written.get_future().wait();
  connection->set_wait(expired);
  std::array<char, 10> buffer{};
  EXPECT_EQ(connection->read_some(buffer).value_or(0), 3U);
  auto nothing = connection->read_some(buffer);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().reason, Reason::timed_out);
}

TEST(Connection, an_interrupt_ends_reads_and_writes_that_never_pause) {
  LocalServer server([](Peer& peer) {
    peer.write("abc");
    peer.read_rest();
  });
  auto connection = Connection::open(server.endpoint(), patient);
  ASSERT_TRUE(connection);
  Interrupt interrupt;
  interrupt.raise();
  connection->set_wait({.deadline = {}, .interrupt = &interrupt});
  std::array<char, 10> buffer{};
  auto read = connection->read_some(buffer);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, Reason::interrupted);
  auto written = connection->write_some(std::string_view("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, Reason::interrupted);
}

TEST(Connection, a_write_to_a_server_that_reads_nothing_times_out) {
  FullBacklog deaf;
  Connection& connection = deaf.client();
  connection.set_wait(expired);
  const std::string much(1 << 20, 'x');
  Result<std::size_t> last = 0;
  while (last) last = connection.write_some(much);
  EXPECT_EQ(last.error().reason, Reason::timed_out);
}

TEST(Connection, a_server_that_has_gone_is_unreachable_and_raises_no_signal) {
  LocalServer server([](Peer& peer) { peer.read_exactly(1); });
  auto connection = Connection::open(server.endpoint(), patient);
  ASSERT_TRUE(connection);
  ASSERT_TRUE(connection->write_some(std::string_view("x")));
  EXPECT_EQ(read_to_end(*connection), "");
  auto written = connection->write_some(std::string_view("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, Reason::unreachable);
}

TEST(Connection, moves_its_socket_to_another) {
  LocalServer server([](Peer& peer) { peer.write(peer.read_exactly(1)); });
  auto first = Connection::open(server.endpoint(), patient);
  auto second = Connection::open(server.endpoint(), patient);
  ASSERT_TRUE(first && second);
  const int kept = first->descriptor();
  *second = std::move(*first);
  EXPECT_EQ(second->descriptor(), kept);
  ASSERT_TRUE(second->write_some(std::string_view("y")));
  EXPECT_EQ(read_to_end(*second), "y");
}

}  // namespace
}  // namespace carrel
