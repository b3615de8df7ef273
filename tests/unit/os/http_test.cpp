#include "os/http.hpp"

#include "fakes/local_server.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <future>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using testing::LocalServer;
using testing::Peer;

const Wait patient = Wait::at_most(std::chrono::seconds(30));

Result<HttpResponse> ask(std::string_view answer, const HttpRequest& request = {}) {
  LocalServer server([&](Peer& peer) {
    peer.read_request();
    peer.write(answer);
  });
  return LocalHttp().send(server.endpoint(), request, patient);
}

std::pair<std::string, std::string> seen_by_server(const HttpRequest& request) {
  std::promise<std::pair<std::string, std::string>> seen;
  LocalServer server([&](Peer& peer) {
    seen.set_value(peer.read_request());
    peer.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  EXPECT_TRUE(LocalHttp().send(server.endpoint(), request, patient));
  return seen.get_future().get();
}

TEST(Http, sends_the_request_line_the_headers_and_the_body) {
  const auto [head, body] = seen_by_server({.method = "POST",
                                            .target = "/api/x?y=1",
                                            .headers = {{"Authorization", "token abc"}},
                                            .body = "{\"a\":1}"});
  EXPECT_EQ(head,
            "POST /api/x?y=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: token abc\r\n"
            "Connection: close\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(body, "{\"a\":1}");
}

TEST(Http, keeps_a_host_that_is_given_and_sends_no_length_with_a_get) {
  const auto [head, body] = seen_by_server({.headers = {{"host", "here"}}});
  EXPECT_EQ(head, "GET / HTTP/1.1\r\nhost: here\r\nConnection: close\r\n\r\n");
}

TEST(Http, an_empty_post_says_that_it_is_empty) {
  EXPECT_NE(seen_by_server({.method = "POST"}).first.find("Content-Length: 0\r\n"),
            std::string::npos);
}

TEST(Http, reads_every_form_of_answer) {
  struct Case {
    const char* name;
    std::string_view answer;
    int status;
    std::string_view body;
  };
  const std::vector<Case> cases = {
      {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc"},
      {"until the end", "HTTP/1.1 200 OK\r\n\r\nabc", 200, "abc"},
      {"chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200,
       "abc"},
      {"no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"an answer that says no", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403,
       "no"},
      {"a server's failure", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 500, ""},
      {"an interim answer first",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", 201, "x"},
      {"more than was announced", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", 200, "a"},
  };
  for (const Case& c : cases) {
    auto response = ask(c.answer);
    ASSERT_TRUE(response) << c.name << ": " << response.error().what;
    EXPECT_EQ(response->status, c.status) << c.name;
    EXPECT_EQ(response->body, c.body) << c.name;
  }
}

TEST(Http, an_answer_to_head_has_no_body) {
  auto response = ask("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", {.method = "HEAD"});
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->body, "");
}

TEST(Http, finds_a_header_whatever_its_case) {
  auto response = ask("HTTP/1.1 200 OK\r\nX-Thing: one\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->header("x-thing"), "one");
  EXPECT_EQ(response->header("x-other"), "");
}

TEST(Http, says_what_is_wrong_with_an_answer) {
  struct Case {
    const char* name;
    std::string answer;
    Reason reason;
  };
  const std::vector<Case> cases = {
      {"nothing", "", Reason::unreachable},
      {"half a head", "HTTP/1.1 200 OK\r\nConte", Reason::unreachable},
      {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Reason::unreachable},
      {"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
       Reason::unreachable},
      {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", Reason::corrupt},
      {"a head without end", "HTTP/1.1 200 OK\r\nX: " + std::string(70000, 'x'), Reason::corrupt},
      {"a body over the limit", "HTTP/1.1 200 OK\r\nContent-Length: 536870913\r\n\r\nab",
       Reason::refused},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       Reason::corrupt},
  };
  for (const Case& c : cases) {
    auto response = ask(c.answer);
    ASSERT_FALSE(response) << c.name;
    EXPECT_EQ(response.error().reason, c.reason) << c.name << ": " << response.error().what;
  }
}

TEST(Http, reads_an_answer_that_comes_byte_by_byte) {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  LocalServer server(
      [&](Peer& peer) {
        peer.read_request();
        for (const char c : answer) peer.write({&c, 1});
      },
      LocalServer::Kind::tcp4);
  auto response = LocalHttp().send(server.endpoint(), {}, patient);
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->body, "abc");
}

TEST(Http, carries_large_bodies_both_ways) {
  const std::string large(9'000'000, 'x');
  LocalServer server([&](Peer& peer) {
    const std::string body = peer.read_request().second;
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
               body);
  });
  auto response = LocalHttp().send(server.endpoint(), {.method = "PUT", .body = large}, patient);
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->body, large);
}

TEST(Http, hears_a_server_that_refuses_before_it_has_read_the_body) {
  LocalServer server([](Peer& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  auto response = LocalHttp().send(
      server.endpoint(), {.method = "PUT", .body = std::string(50'000'000, 'x')}, patient);
  ASSERT_TRUE(response) << response.error().what << response.error().why;
  EXPECT_EQ(response->status, 413);
}

TEST(Http, a_request_that_would_break_its_framing_is_not_sent) {
  const std::vector<HttpRequest> requests = {
      {.method = "GET /x HTTP/1.1\r\n"},
      {.target = "/a b"},
      {.target = ""},
      {.target = "/x\r\nEvil: 1"},
      {.headers = {{"Authorization", "token x\r\nEvil: 1"}}},
      {.headers = {{"A: b\r\nC", "x"}}},
  };
  for (const HttpRequest& request : requests) {
    auto response = ask("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", request);
    ASSERT_FALSE(response) << request.method << request.target;
    EXPECT_EQ(response.error().why.find("token x"), std::string::npos);
  }
}

TEST(Http, a_server_that_does_not_answer_is_waited_for_until_the_wait_ends) {
  Interrupt interrupt;
  LocalServer server([&](Peer& peer) {
    peer.read_request();
    interrupt.raise();
    peer.read_rest();
  });
  auto response =
      LocalHttp().send(server.endpoint(), {}, {.deadline = {}, .interrupt = &interrupt});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::interrupted);
  auto late = LocalHttp().send(server.endpoint(), {}, Wait::at_most(Milliseconds(1)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::timed_out);
}

}  // namespace
}  // namespace carrel
