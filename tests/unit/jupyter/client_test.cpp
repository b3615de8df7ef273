#include "jupyter/client.hpp"

#include "os/http.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

// Gives one answer to everything and remembers what was asked.
class OneAnswer final : public Http {
 public:
  OneAnswer(int status, std::string body) : answer_{status, {}, std::move(body)} {}
  Result<HttpResponse> send(const Endpoint&, const HttpRequest& request, const Wait&) override {
    asked.push_back(request);
    return answer_;
  }
  std::vector<HttpRequest> asked;

 private:
  HttpResponse answer_;
};

class Unreachable final : public Http {
 public:
  Result<HttpResponse> send(const Endpoint&, const HttpRequest&, const Wait&) override {
    return fail({.what = "nobody there",
                 .why = {},
                 .hint = {},
                 .exit = Exit::failed,
                 .reason = Reason::unreachable,
                 .trace = {}});
  }
};

class SameBytes final : public Random {
 public:
  std::string bytes(std::size_t count) override { return std::string(count, '\xAB'); }
};

JupyterClient client_of(Http& http) {
  static SameBytes random;
  return {http, random, std::filesystem::path("/s"), Secret("topsecret")};
}

const char* const kernel_json =
    R"({"id":"k1","name":"python3","last_activity":"2026-01-02T03:04:05.6Z",)"
    R"("execution_state":"busy","connections":2})";
const std::string session_json =
    std::string(R"({"id":"s1","path":"a.ipynb","name":"a.ipynb","kernel":)") + kernel_json + "}";

Error error_of(const auto& result) {
  return result ? Error{} : result.error();
}

TEST(JupyterClient, asks_each_thing_at_its_place) {
  struct Case {
    std::function<Error(JupyterClient&)> call;
    std::string answer;
    std::string request;
    std::string body;
  };
  const Wait wait;
  const std::vector<Case> cases = {
      {[&](auto& c) { return error_of(c.version(wait)); }, R"({"version":"2.21.1"})",
       "GET /api?no_track_activity=1", ""},
      {[&](auto& c) { return error_of(c.kernels(wait)); }, "[]",
       "GET /api/kernels?no_track_activity=1", ""},
      {[&](auto& c) { return error_of(c.sessions(wait)); }, "[]",
       "GET /api/sessions?no_track_activity=1", ""},
      {[&](auto& c) { return error_of(c.open_session("d e/\u00e9.ipynb", "python3", wait)); },
       session_json, "POST /api/sessions",
       R"({"path":"d e/é.ipynb","type":"notebook","name":"é.ipynb","kernel":{"name":"python3"}})"},
      {[&](auto& c) { return error_of(c.open_session("a.ipynb", "", wait)); }, session_json,
       "POST /api/sessions",
       R"({"path":"a.ipynb","type":"notebook","name":"a.ipynb","kernel":{}})"},
      {[&](auto& c) { return error_of(c.delete_session("../x", wait)); }, "",
       "DELETE /api/sessions/..%2Fx", ""},
      {[&](auto& c) { return error_of(c.start_kernel("my kernel", wait)); }, kernel_json,
       "POST /api/kernels", R"({"name":"my kernel"})"},
      {[&](auto& c) { return error_of(c.delete_kernel("k?1", wait)); }, "",
       "DELETE /api/kernels/k%3F1", ""},
      {[&](auto& c) { return error_of(c.interrupt("k1", wait)); }, "",
       "POST /api/kernels/k1/interrupt", ""},
      {[&](auto& c) { return error_of(c.read_notebook("/d e/#\u00e9%.ipynb", wait)); },
       R"({"content":{}})",
       "GET /api/contents/d%20e/%23%C3%A9%25.ipynb?type=notebook&content=1&no_track_activity=1",
       ""},
      {[&](auto& c) { return error_of(c.write_notebook("a.ipynb", R"({"cells": []})", wait)); },
       "{}", "PUT /api/contents/a.ipynb",
       R"({"type":"notebook","format":"json","content":{"cells": []}})"},
      {[&](auto& c) { return error_of(c.make_ticket("/lab/tree/x", wait)); },
       R"({"ticket":"t","expires_in":600})", "POST /carrel/tickets", R"({"path":"/lab/tree/x"})"},
      {[&](auto& c) { return error_of(c.make_ticket("", wait)); }, R"({"ticket":"t"})",
       "POST /carrel/tickets", "{}"},
      {[&](auto& c) { return error_of(c.options(wait)); }, R"({"options":{}})",
       "GET /carrel/options?no_track_activity=1", ""},
  };
  for (const Case& c : cases) {
    OneAnswer http(200, c.answer);
    JupyterClient client = client_of(http);
    EXPECT_EQ(c.call(client).what, "") << c.request;
    ASSERT_EQ(http.asked.size(), 1U) << c.request;
    const HttpRequest& asked = http.asked[0];
    EXPECT_EQ(asked.method + " " + asked.target, c.request);
    EXPECT_EQ(asked.body, c.body) << c.request;
    EXPECT_EQ(asked.headers[0],
              std::pair(std::string("Authorization"), std::string("token topsecret")));
  }
}

TEST(JupyterClient, reads_kernels_sessions_and_tickets) {
  OneAnswer http(200, "[" + session_json + "]");
  auto sessions = client_of(http).sessions({});
  ASSERT_TRUE(sessions && sessions->size() == 1);
  const SessionModel& session = sessions->front();
  EXPECT_EQ(session.id, "s1");
  EXPECT_EQ(session.path, "a.ipynb");
  EXPECT_EQ(session.kernel.id, "k1");
  EXPECT_EQ(session.kernel.name, "python3");
  EXPECT_EQ(session.kernel.execution_state, "busy");
  EXPECT_EQ(session.kernel.last_activity, "2026-01-02T03:04:05.6Z");
  EXPECT_EQ(session.kernel.connections, 2);

  OneAnswer tickets(201, R"({"ticket":"abc","expires_in":600})");
  auto ticket = client_of(tickets).make_ticket("/lab", {});
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->text.reveal(), "abc");
  EXPECT_EQ(ticket->expires_in, 600);
}

TEST(JupyterClient, a_notebook_keeps_the_order_of_its_keys) {
  const std::string document = R"({"nbformat":4,"cells":[{"source":"é","a":1}],"metadata":{}})";
  OneAnswer http(200, R"({"name":"x","content":)" + document + "}");
  EXPECT_EQ(client_of(http).read_notebook("x.ipynb", {}).value_or(""), document);
}

TEST(JupyterClient, a_document_that_is_not_json_is_not_sent) {
  OneAnswer http(200, "{}");
  EXPECT_FALSE(client_of(http).write_notebook("a.ipynb", "{}, \"type\": \"file\"", {}));
  EXPECT_TRUE(http.asked.empty());
}

TEST(JupyterClient, a_refusal_has_jupyters_words_and_never_the_token) {
  struct Case {
    int status;
    std::string body;
    Reason reason;
    std::string why;
    bool hint;
  };
  const std::vector<Case> cases = {
      {404, R"({"message":"Kernel does not exist: k1","reason":null})", Reason::not_found,
       "Kernel does not exist: k1", false},
      {403, R"({"message":"Forbidden","reason":"Forbidden"})", Reason::refused, "Forbidden", true},
      {401, "", Reason::refused, "HTTP status 401", true},
      {400, R"({"message":"bad","reason":"not local"})", Reason::refused, "bad (not local)", false},
      {500, R"({"message":"","reason":"why"})", Reason::refused, "why", false},
      {500, "<html>", Reason::refused, "HTTP status 500", false},
      {404, "file '/x.ipynb' does not exist\n", Reason::not_found, "file '/x.ipynb' does not exist",
       false},
      {404, std::string(1000, 'x'), Reason::not_found, "HTTP status 404", false},
      {302, "", Reason::refused, "HTTP status 302", false},
      {409, R"({"message":"a\u001b[2Jb"})", Reason::refused, "a^[[2Jb", false},
      {409, R"({"message":7,"reason":[]})", Reason::refused, "HTTP status 409", false},
  };
  for (const Case& c : cases) {
    OneAnswer http(c.status, c.body);
    const Error error = error_of(client_of(http).kernels({}));
    EXPECT_EQ(error.reason, c.reason) << c.body;
    EXPECT_EQ(error.why, c.why);
    EXPECT_EQ(!error.hint.empty(), c.hint) << c.status;
    EXPECT_EQ((error.what + error.why + error.hint).find("topsecret"), std::string::npos);
    EXPECT_EQ(error.what, "Jupyter refused GET /api/kernels");
  }
}

TEST(JupyterClient, an_answer_that_the_api_does_not_promise_is_corrupt) {
  const std::vector<std::string> answers = {"",
                                            "null",
                                            "7",
                                            "[7]",
                                            R"([{"id":7}])",
                                            R"({"id":""})",
                                            R"({"content":[]})",
                                            "[[]]",
                                            "{",
                                            R"([{"id":"s","path":"p"}])",
                                            std::string(100'000, '[')};
  for (const std::string& answer : answers) {
    OneAnswer http(200, answer);
    JupyterClient client = client_of(http);
    const Wait wait;
    EXPECT_EQ(error_of(client.version(wait)).reason, Reason::corrupt) << answer;
    EXPECT_EQ(error_of(client.kernels(wait)).reason,
              answer == R"([{"id":"s","path":"p"}])" ? Reason::other : Reason::corrupt)
        << answer;
    EXPECT_EQ(error_of(client.sessions(wait)).reason, Reason::corrupt) << answer;
    EXPECT_EQ(error_of(client.open_session("p", "k", wait)).reason, Reason::corrupt) << answer;
    EXPECT_EQ(error_of(client.start_kernel("k", wait)).reason, Reason::corrupt) << answer;
    EXPECT_EQ(error_of(client.read_notebook("p", wait)).reason, Reason::corrupt) << answer;
    EXPECT_EQ(error_of(client.make_ticket("p", wait)).reason, Reason::corrupt) << answer;
  }
}

TEST(JupyterClient, a_server_that_cannot_be_reached_is_said_to_be_so) {
  Unreachable http;
  EXPECT_EQ(error_of(client_of(http).version({})).reason, Reason::unreachable);
}

}  // namespace
}  // namespace carrel
