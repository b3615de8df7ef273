#include "os/https.hpp"

#include "base/error.hpp"
#include "fakes/local_server.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using testing::LocalServer;
using testing::Peer;

const Wait patient = Wait::at_most(std::chrono::seconds(30));

std::string url_of(const LocalServer& server) {
  return "http://127.0.0.1:" + std::to_string(std::get<TcpAddress>(server.endpoint()).port) + "/";
}

Result<HttpResponse> ask(std::string_view answer, HttpsRequest request = {}) {
  LocalServer server(
      [&](Peer& peer) {
        peer.read_request();
        peer.write(answer);
      },
      LocalServer::Kind::tcp4);
  request.url = url_of(server);
  return CurlHttps().send(request, patient);
}

TEST(Https, sends_what_it_is_given_and_nothing_that_it_made_up) {
  std::promise<std::pair<std::string, std::string>> seen;
  LocalServer server(
      [&](Peer& peer) {
        seen.set_value(peer.read_request());
        peer.write("HTTP/1.1 201 Created\r\nX-Thing: one\r\nContent-Length: 2\r\n\r\nok");
      },
      LocalServer::Kind::tcp4);
  const auto response = CurlHttps().send({.method = "POST",
                                          .url = url_of(server) + "a?b=1",
                                          .headers = {{"Authorization", "x"}, {"Empty", ""}},
                                          .body = "{}"},
                                         patient);
  ASSERT_TRUE(response) << response.error().what << response.error().why;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->header("x-thing"), "one");
  EXPECT_EQ(response->body, "ok");
  const auto [head, body] = seen.get_future().get();
  EXPECT_TRUE(head.starts_with("POST /a?b=1 HTTP/1.1\r\nHost: 127.0.0.1:")) << head;
  EXPECT_TRUE(head.contains("\r\nAuthorization: x\r\n")) << head;
  EXPECT_TRUE(head.contains("\r\nEmpty:\r\n")) << head;
  EXPECT_FALSE(head.contains("Expect")) << head;
  EXPECT_FALSE(head.contains("Content-Type")) << head;
  EXPECT_EQ(body, "{}");
}

TEST(Https, any_status_is_an_answer_and_no_redirect_is_followed) {
  for (const int status : {204, 302, 404, 503}) {
    const auto response = ask("HTTP/1.1 " + std::to_string(status) +
                              " X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(response) << status << response.error().why;
    EXPECT_EQ(response->status, status);
  }
}

TEST(Https, says_what_is_wrong_with_an_answer) {
  struct Case {
    const char* name;
    std::string answer;
    Reason reason;
  };
  const std::vector<Case> cases = {
      {"nothing", "", Reason::unreachable},
      {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Reason::unreachable},
      {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", Reason::corrupt},
      {"a body over the limit",
       "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'), Reason::refused},
      {"an endless head", "HTTP/1.1 200 OK\r\nX: " + std::string(300'000, 'x'), Reason::other},
  };
  for (const Case& c : cases) {
    const auto response = ask(c.answer, {.body_limit = 100});
    ASSERT_FALSE(response) << c.name;
    if (c.reason != Reason::other) {
      EXPECT_EQ(response.error().reason, c.reason) << c.name << ": " << response.error().why;
    }
  }
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'),
                {.body_limit = 100})
                ->body.size(),
            100);
}

TEST(Https, where_nobody_listens_is_unreachable_and_the_path_is_not_shown) {
  const auto response = CurlHttps().send({.url = "http://127.0.0.1:1/?token=secret"}, patient);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::unreachable);
  EXPECT_EQ(response.error().what, "cannot reach http://127.0.0.1:1");
  EXPECT_FALSE(response.error().why.contains("secret"));
}

TEST(Https, only_http_is_spoken_and_headers_cannot_be_smuggled) {
  TemporaryFolder folder;
  EXPECT_FALSE(CurlHttps().send({.url = "file:///etc/passwd"}, patient));
  for (const HttpsRequest& request :
       {HttpsRequest{.method = "GET /x\r\n"}, HttpsRequest{.headers = {{"A", "b\r\nEvil: 1"}}},
        HttpsRequest{.headers = {{"A: b\r\nC", "d"}}}}) {
    EXPECT_FALSE(ask("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", request));
  }
}

TEST(Https, a_server_that_does_not_answer_is_waited_for_until_the_wait_ends) {
  Interrupt interrupt;
  LocalServer server(
      [&](Peer& peer) {
        peer.read_request();
        interrupt.raise();
        peer.read_rest();
      },
      LocalServer::Kind::tcp4);
  const auto ended = CurlHttps().send({.url = url_of(server)}, {.interrupt = &interrupt});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, Reason::interrupted);
  const auto late = CurlHttps().send({.url = url_of(server)}, Wait::at_most(Milliseconds(1)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::timed_out);
}

TEST(Https, a_connection_is_used_again) {
  std::promise<int> served;
  LocalServer server(
      [&](Peer& peer) {
        int count = 0;
        while (!peer.read_request().first.empty()) {
          ++count;
          peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
        served.set_value(count);
      },
      LocalServer::Kind::tcp4);
  {
    CurlHttps https;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(https.send({.url = url_of(server)}, patient));
  }
  EXPECT_EQ(served.get_future().get(), 3);
}

// openssl s_server with a certificate of its own for localhost.
class TlsServer {
 public:
  explicit TlsServer(const std::filesystem::path& folder) : certificate_(folder / "cert.pem") {
    const Environment environment = this_environment();
    const std::string key = folder / "key.pem";
    EXPECT_TRUE(processes_.run(
        {.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                  "-nodes", "-keyout", key, "-out", certificate_, "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost", "-days", "2"},
         .environment = environment},
        patient));
    std::promise<std::string> port;
    auto accepting = port.get_future();
    thread_ = std::thread([this, environment, key, &port] {
      bool told = false;
      const auto result =
          processes_.run({.argv = {"openssl", "s_server", "-accept", "localhost:0", "-cert",
                                   certificate_, "-key", key, "-www"},
                          .environment = environment,
                          .on_output =
                              [&](std::string_view line) {
                                if (told || !line.starts_with("ACCEPT ")) return;
                                told = true;
                                port.set_value(std::string(line.substr(line.rfind(':') + 1)));
                              }},
                         {.deadline = patient.deadline, .interrupt = &interrupt_});
      if (!told) port.set_value("1");
    });
    port_ = accepting.get();
  }
  ~TlsServer() {
    interrupt_.raise();
    thread_.join();
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  std::string url(const std::string& host = "localhost") const {
    return "https://" + host + ":" + port_ + "/";
  }
  std::filesystem::path certificate() const { return certificate_; }

 private:
  std::filesystem::path certificate_;
  SystemProcesses processes_;
  Interrupt interrupt_;
  std::string port_;
  std::thread thread_;
};

TEST(Https, a_certificate_is_verified_against_the_authorities_and_the_name) {
  const TemporaryFolder folder;
  const TlsServer server(folder.path());
  const auto unknown = CurlHttps().send({.url = server.url()}, patient);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().reason, Reason::unverified) << unknown.error().why;
  CurlHttps trusting(server.certificate());
  const auto known = trusting.send({.url = server.url()}, patient);
  ASSERT_TRUE(known) << known.error().why;
  EXPECT_EQ(known->status, 200);
  const auto other = trusting.send({.url = server.url("127.0.0.1")}, patient);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, Reason::unverified) << other.error().why;
  const auto missing = CurlHttps(folder.path() / "none.pem").send({.url = server.url()}, patient);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, Reason::unverified) << missing.error().why;
}

}  // namespace
}  // namespace carrel
