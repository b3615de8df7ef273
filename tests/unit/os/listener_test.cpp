#include "os/listener.hpp"

#include "base/error.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/connection.hpp"
#include "os/wait.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

namespace carrel {
namespace {

Wait patience() {
  return Wait::at_most(std::chrono::seconds(30));
}

std::string heard_by(Connection& connection) {
  connection.set_wait(patience());
  std::string heard;
  std::array<char, 64> buffer{};
  while (true) {
    const auto count = connection.read_some(buffer);
    if (!count) return heard + "(broken)";
    if (*count == 0) return heard;
    heard.append(buffer.data(), *count);
  }
}

void say(Connection& connection, std::string_view text) {
  EXPECT_EQ(connection.write_some(text), text.size());
}

// Both ends of one connection.
std::pair<Connection, Connection> connected(const Listener& listener) {
  auto client = Connection::open(listener.endpoint(), patience());
  EXPECT_TRUE(client);
  auto server = listener.accept();
  EXPECT_TRUE(server && *server);
  return {std::move(*client), std::move(**server)};
}

TEST(Listener, accepts_on_a_port_and_has_nobody_then) {
  const auto listener = Listener::open(TcpAddress{.host = "127.0.0.1", .port = 0});
  ASSERT_TRUE(listener) << listener.error().why;
  EXPECT_NE(std::get<TcpAddress>(listener->endpoint()).port, 0);
  auto [client, server] = connected(*listener);
  say(client, "hello");
  client.end_writing();
  EXPECT_EQ(heard_by(server), "hello");
  say(server, "still here");
  server.end_writing();
  EXPECT_EQ(heard_by(client), "still here");
  const auto nobody = listener->accept();
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(*nobody);
}

TEST(Listener, makes_a_socket_that_only_its_owner_may_use) {
  const TemporaryFolder folder;
  const auto listener = Listener::open(folder.path() / "s");
  ASSERT_TRUE(listener) << listener.error().why;
  EXPECT_EQ(std::filesystem::status(folder.path() / "s").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  auto [client, server] = connected(*listener);
  say(server, "hello");
  server.end_writing();
  EXPECT_EQ(heard_by(client), "hello");
}

TEST(Listener, tells_a_taken_place_from_one_that_does_not_exist) {
  const TemporaryFolder folder;
  const auto port = Listener::open(TcpAddress{.host = "127.0.0.1", .port = 0});
  const auto path = Listener::open(folder.path() / "s");
  ASSERT_TRUE(port && path);
  struct Case {
    Endpoint endpoint;
    Reason reason;
  };
  const std::array cases = {
      Case{port->endpoint(), Reason::busy},
      Case{path->endpoint(), Reason::busy},
      Case{TcpAddress{.host = "192.0.2.1", .port = 0}, Reason::not_found},
      Case{TcpAddress{.host = "localhost", .port = 0}, Reason::other},
      Case{folder.path() / std::string(200, 'x'), Reason::other},
  };
  for (const Case& one : cases) {
    const auto result = Listener::open(one.endpoint);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, one.reason) << result.error().what;
  }
}

TEST(Listener, gives_connections_whose_breaking_off_is_seen) {
  const auto listener = Listener::open(TcpAddress{.host = "127.0.0.1", .port = 0});
  ASSERT_TRUE(listener);
  auto [client, server] = connected(*listener);
  {
    const Connection gone = std::move(server);
    Connection(std::move(client)).break_off();
  }
  auto [reader, writer] = connected(*listener);
  say(writer, "half");
  std::array<char, 4> half{};
  EXPECT_EQ(reader.read_some(half), 4U);
  writer.break_off();
  {
    const Connection gone = std::move(writer);
  }
  EXPECT_EQ(heard_by(reader), "(broken)");
}

}  // namespace
}  // namespace carrel
