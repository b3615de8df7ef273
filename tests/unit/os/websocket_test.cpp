#include "fakes/local_server.hpp"
#include "fakes/websocket_peer.hpp"
#include "os/http.hpp"
#include "os/wait.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using testing::ClientFrame;
using testing::final_binary;
using testing::final_close;
using testing::final_ping;
using testing::final_pong;
using testing::final_text;
using testing::LocalServer;
using testing::Peer;
using testing::read_client_frame;
using testing::server_frame;
using testing::upgrade_answer;

const Wait patient = Wait::at_most(std::chrono::seconds(30));
const Wait expired{.deadline = std::chrono::steady_clock::now(), .interrupt = nullptr};

Result<std::unique_ptr<WebSocket>> open(const LocalServer& server,
                                        const std::string& protocol = {}) {
  return open_websocket(server.endpoint(), "/ws", {{"Authorization", "token t"}}, protocol,
                        patient);
}

// Upgrades, then goes on with `serve`.
LocalServer::Serve upgraded(std::function<void(Peer&)> serve) {
  return [serve = std::move(serve)](Peer& peer) {
    peer.write(upgrade_answer(peer.read_until("\r\n\r\n")));
    serve(peer);
  };
}

TEST(WebSocket, the_key_of_rfc_6455_gets_the_answer_of_rfc_6455) {
  EXPECT_EQ(testing::websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocket, asks_for_the_upgrade_without_compression) {
  std::promise<std::string> seen;
  LocalServer server([&](Peer& peer) {
    std::string head = peer.read_until("\r\n\r\n");
    peer.write(upgrade_answer(head, "Sec-WebSocket-Protocol: p1\r\n"));
    seen.set_value(std::move(head));
    peer.read_rest();
  });
  auto socket = open(server, "p1");
  ASSERT_TRUE(socket) << socket.error().what << ": " << socket.error().why;
  EXPECT_EQ((*socket)->subprotocol(), "p1");
  const std::string head = seen.get_future().get();
  EXPECT_TRUE(head.starts_with("GET /ws HTTP/1.1\r\n"));
  EXPECT_EQ(testing::field(head, "Authorization"), "token t");
  EXPECT_EQ(testing::field(head, "Sec-WebSocket-Version"), "13");
  EXPECT_EQ(testing::field(head, "Sec-WebSocket-Key").size(), 24U);
  EXPECT_EQ(testing::field(head, "Sec-WebSocket-Protocol"), "p1");
  EXPECT_EQ(testing::field(head, "Sec-WebSocket-Extensions"), "");
}

TEST(WebSocket, an_answer_that_is_not_the_upgrade_is_an_error) {
  struct Case {
    const char* name;
    std::function<std::string(const std::string& head)> answer;
    Reason reason;
  };
  const auto replaced = [](std::string_view from, std::string_view to) {
    return [=](const std::string& head) {
      std::string answer = upgrade_answer(head);
      return answer.replace(answer.find(from), from.size(), to);
    };
  };
  const auto added = [](std::string_view header) {
    return [=](const std::string& head) { return upgrade_answer(head, header); };
  };
  const auto plain = [](std::string_view status) {
    return [=](const std::string&) {
      return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 2\r\n\r\nno";
    };
  };
  const std::vector<Case> cases = {
      {"forbidden", plain("403 Forbidden"), Reason::refused},
      {"no such kernel", plain("404 Not Found"), Reason::not_found},
      {"a page", plain("200 OK"), Reason::refused},
      {"another accept", replaced("Accept: ", "Accept: x"), Reason::corrupt},
      {"another upgrade", replaced("websocket", "h2c"), Reason::corrupt},
      {"no connection", replaced("Connection: Upgrade", "Connection: close"), Reason::corrupt},
      {"a protocol nobody asked for", added("Sec-WebSocket-Protocol: p2\r\n"), Reason::corrupt},
      {"compression nobody asked for", added("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
       Reason::corrupt},
      {"nothing", [](const std::string&) { return std::string(); }, Reason::unreachable},
  };
  for (const Case& c : cases) {
    LocalServer server([&](Peer& peer) { peer.write(c.answer(peer.read_until("\r\n\r\n"))); });
    auto socket = open(server, "p1");
    ASSERT_FALSE(socket) << c.name;
    EXPECT_EQ(socket.error().reason, c.reason) << c.name << ": " << socket.error().why;
  }
}

TEST(WebSocket, carries_messages_both_ways_over_unix_and_tcp) {
  for (const auto kind : {LocalServer::Kind::unix_socket, LocalServer::Kind::tcp4}) {
    LocalServer server(upgraded([](Peer& peer) {
                         while (auto frame = read_client_frame(peer)) {
                           if (!frame->masked) return;
                           if (frame->first == final_close) return;
                           peer.write(server_frame(frame->first, frame->payload));
                         }
                       }),
                       kind);
    auto socket = open(server);
    ASSERT_TRUE(socket);
    for (const std::size_t size : {0, 125, 126, 65535, 65536, 3'000'000}) {
      for (const bool binary : {false, true}) {
        const std::string bytes(size, 'm');
        ASSERT_TRUE((*socket)->send({binary, bytes}, patient));
        auto back = (*socket)->receive(patient);
        ASSERT_TRUE(back) << size << ": " << back.error().what;
        EXPECT_EQ(back->binary, binary);
        EXPECT_EQ(back->bytes, bytes);
      }
    }
  }
}

TEST(WebSocket, a_message_that_comes_with_the_upgrade_is_not_lost) {
  LocalServer server([](Peer& peer) {
    peer.write(upgrade_answer(peer.read_until("\r\n\r\n")) + server_frame(final_text, "early"));
    peer.read_rest();
  });
  auto socket = open(server);
  ASSERT_TRUE(socket);
  EXPECT_EQ((*socket)->receive(patient).value_or(WebSocketMessage{}).bytes, "early");
}

TEST(WebSocket, a_wait_may_end_at_every_byte_of_a_message) {
  const std::string bytes = server_frame(0x01, "be") + server_frame(final_ping, "p") +
                            server_frame(0x00, std::string(200, 'x')) + server_frame(0x80, "hind");
  std::atomic<std::size_t> asked = 0;
  std::atomic<std::size_t> given = 0;
  LocalServer server(upgraded([&](Peer& peer) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      asked.wait(i);
      peer.write({&bytes[i], 1});
      ++given;
      given.notify_all();
    }
    peer.read_rest();
  }));
  auto socket = open(server);
  ASSERT_TRUE(socket);
  Interrupt interrupt;
  interrupt.raise();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_EQ((*socket)->receive(expired).error().reason, Reason::timed_out) << "before byte " << i;
    ASSERT_EQ((*socket)->receive({.deadline = {}, .interrupt = &interrupt}).error().reason,
              Reason::interrupted);
    ++asked;
    asked.notify_all();
    given.wait(i);
  }
  auto message = (*socket)->receive(expired);
  ASSERT_TRUE(message) << message.error().what;
  EXPECT_EQ(message->bytes, "be" + std::string(200, 'x') + "hind");
}

TEST(WebSocket, a_ping_is_answered_while_nothing_else_comes) {
  std::promise<ClientFrame> answer;
  LocalServer server(upgraded([&](Peer& peer) {
    peer.write(server_frame(final_pong, "unasked") + server_frame(final_ping, "are you there"));
    answer.set_value(read_client_frame(peer).value_or(ClientFrame{}));
    peer.write(server_frame(final_text, "good"));
    peer.read_rest();
  }));
  auto socket = open(server);
  ASSERT_TRUE(socket);
  EXPECT_EQ((*socket)->receive(patient).value_or(WebSocketMessage{}).bytes, "good");
  const ClientFrame pong = answer.get_future().get();
  EXPECT_EQ(pong.first, final_pong);
  EXPECT_EQ(pong.payload, "are you there");
}

TEST(WebSocket, a_send_that_was_cut_short_goes_on_with_the_next_call) {
  std::promise<void> go_on;
  const std::string large(20'000'000, 'x');
  LocalServer server(upgraded([&](Peer& peer) {
    go_on.get_future().wait();
    auto first = read_client_frame(peer);
    auto second = read_client_frame(peer);
    const bool whole = first && first->payload.size() == 20'000'000 && second;
    peer.write(server_frame(final_text, whole ? second->payload : "lost"));
    peer.read_rest();
  }));
  auto socket = open(server);
  ASSERT_TRUE(socket);
  auto sent = (*socket)->send({true, large}, expired);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason, Reason::timed_out);
  // the server must not be waited for here: it reads nothing yet
  ASSERT_EQ((*socket)->send({false, "after"}, expired).error().reason, Reason::timed_out);
  go_on.set_value();
  // receive alone sends the rest
  EXPECT_EQ((*socket)->receive(patient).value_or(WebSocketMessage{}).bytes, "after");
}

TEST(WebSocket, says_how_the_other_side_ended_and_says_it_again) {
  struct Case {
    const char* name;
    std::string bytes;
    Reason reason;
    const char* why;
  };
  const std::vector<Case> cases = {
      {"a goodbye", server_frame(final_close, "\x03\xE9going"), Reason::unreachable,
       "code 1001: going"},
      {"a goodbye without a word", server_frame(final_close, ""), Reason::unreachable, ""},
      {"no goodbye", "", Reason::unreachable, "without a goodbye"},
      {"the end inside a message", server_frame(final_text, "abc").substr(0, 3),
       Reason::unreachable, "without a goodbye"},
      {"a broken frame", server_frame(0x83, "x"), Reason::corrupt, "unknown"},
  };
  for (const Case& c : cases) {
    LocalServer server(upgraded([&](Peer& peer) { peer.write(c.bytes); }));
    auto socket = open(server);
    ASSERT_TRUE(socket);
    for (int i = 0; i < 2; ++i) {
      auto message = (*socket)->receive(patient);
      ASSERT_FALSE(message) << c.name;
      EXPECT_EQ(message.error().reason, c.reason) << c.name;
      EXPECT_NE(message.error().why.find(c.why), std::string::npos) << c.name;
    }
    EXPECT_FALSE((*socket)->send({false, "x"}, patient)) << c.name;
  }
}

TEST(WebSocket, says_goodbye_when_it_is_destroyed) {
  std::promise<ClientFrame> last;
  LocalServer server(upgraded(
      [&](Peer& peer) { last.set_value(read_client_frame(peer).value_or(ClientFrame{})); }));
  open(server)->reset();
  const ClientFrame frame = last.get_future().get();
  EXPECT_EQ(frame.first, final_close);
  EXPECT_EQ(frame.payload, "\x03\xE8");
  EXPECT_TRUE(frame.masked);
}

}  // namespace
}  // namespace carrel
