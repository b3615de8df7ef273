#include "fakes/fake_kernel.hpp"
#include "jupyter/client.hpp"
#include "os/http.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <cstddef>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::ordered_json;
using testing::error_of;
using testing::FakeKernel;
using testing::FakeServer;
using testing::LocalServer;
using testing::patient;
using testing::Peer;
using testing::Seen;
const Wait expired{.deadline = std::chrono::steady_clock::now(), .interrupt = nullptr};

TEST(Kernel, an_interrupted_wait_leaves_the_cell_running_to_be_finished) {
  Interrupt interrupt;
  std::promise<void> go_on;
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    kernel.status("busy", request->header);
    interrupt.raise();
    go_on.get_future().wait();
    kernel.say("iopub", "stream", {{"text", "after"}}, request->header);
    kernel.run(request->header);
    kernel.next();
  });
  auto connection = server.connect();
  Seen seen;
  EXPECT_EQ(error_of(connection->execute("x", true, seen.events(),
                                         {.deadline = {}, .interrupt = &interrupt}))
                .reason,
            Reason::interrupted);
  EXPECT_EQ(error_of(connection->execute("y", true, {}, patient)).reason, Reason::busy);
  EXPECT_EQ(error_of(connection->finish(seen.events(), expired)).reason, Reason::timed_out);
  go_on.set_value();
  EXPECT_TRUE(connection->finish(seen.events(), patient));
  EXPECT_EQ(seen.outputs.size(), 1U);
}

TEST(Kernel, a_cell_that_never_pauses_does_not_outlast_the_deadline) {
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    const KernelMessage message{.channel = "iopub",
                                .header = R"({"msg_type":"stream"})",
                                .parent_header = request->header,
                                .content = R"({"name":"stdout","text":"x"})"};
    const std::string frame = testing::server_frame(testing::final_binary, encode_v1(message));
    while (kernel.peer().write(frame)) {
    }
  });
  auto connection = server.connect();
  EXPECT_EQ(error_of(connection->execute("x", true, {}, Wait::at_most(Milliseconds(50)))).reason,
            Reason::timed_out);
}

TEST(Kernel, a_cell_gets_the_line_it_asks_for) {
  Json reply;
  Json request_content;
  std::string parent_type;
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    request_content = Json::parse(request->content);
    kernel.say("stdin", "input_request", {{"prompt", "who? "}, {"password", true}},
               request->header);
    const auto answer = kernel.next();
    if (!answer) return;
    EXPECT_EQ(answer->channel, "stdin");
    EXPECT_EQ(Json::parse(answer->header)["msg_type"], "input_reply");
    parent_type = Json::parse(answer->parent_header)["msg_type"];
    reply = Json::parse(answer->content);
    kernel.run(request->header);
    kernel.next();
  });
  ExecuteEvents events;
  events.on_input = [](std::string_view prompt, bool password) -> Result<std::string> {
    EXPECT_EQ(prompt, "who? ");
    EXPECT_TRUE(password);
    return "me";
  };
  ASSERT_TRUE(server.connect()->execute("input()", true, events, patient));
  EXPECT_EQ(request_content["allow_stdin"], true);
  EXPECT_EQ(reply["value"], "me");
  EXPECT_EQ(parent_type, "input_request");
}

TEST(Kernel, pings_are_answered_and_outputs_kept_while_a_person_thinks) {
  std::promise<void> ponged;
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    kernel.say("stdin", "input_request", {{"prompt", ""}}, request->header);
    kernel.peer().write(testing::server_frame(testing::final_ping, "there?"));
    kernel.say("iopub", "stream", {{"text", "meanwhile"}}, request->header);
    const auto pong = testing::read_client_frame(kernel.peer());
    EXPECT_TRUE(pong && pong->first == testing::final_pong);
    ponged.set_value();
    if (!kernel.next()) return;
    kernel.run(request->header);
    kernel.next();
  });
  Seen seen;
  ExecuteEvents events = seen.events();
  events.on_input = [&](std::string_view, bool) -> Result<std::string> {
    ponged.get_future().wait();
    return "thought";
  };
  ASSERT_TRUE(server.connect()->execute("input()", true, events, patient));
  EXPECT_EQ(seen.outputs.size(), 1U);
}

TEST(Kernel, a_cell_that_gets_no_input_is_interrupted_and_the_error_says_so) {
  const Error refused{.what = "the terminal is gone",
                      .why = {},
                      .hint = {},
                      .exit = Exit::failed,
                      .reason = Reason::other,
                      .trace = {}};
  for (const bool handler : {false, true}) {
    FakeServer* there = nullptr;
    FakeServer server([&](FakeKernel& kernel) {
      const auto request = kernel.next();
      if (!request) return;
      kernel.say("stdin", "input_request", {{"prompt", "name"}}, request->header);
      there->interrupted.get_future().wait();
      kernel.say("shell", "execute_reply", {{"status", "error"}, {"ename", "KeyboardInterrupt"}},
                 request->header);
      kernel.status("idle", request->header);
      kernel.next();
    });
    there = &server;
    ExecuteEvents events;
    if (handler) events.on_input = [&](auto, bool) -> Result<std::string> { return fail(refused); };
    auto connection = server.connect();
    const Error error = error_of(connection->execute("input()", true, events, patient));
    EXPECT_EQ(error.what, handler ? "the terminal is gone"
                                  : "the cell asks for input, and nobody is there to give it");
    EXPECT_EQ(error_of(connection->finish({}, patient)).reason, Reason::not_found);
  }
}

TEST(Kernel, ctrl_c_at_the_prompt_leaves_the_cell_to_be_finished) {
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    kernel.say("stdin", "input_request", {{"prompt", ""}}, request->header);
    kernel.run(request->header);
    kernel.next();
  });
  ExecuteEvents events;
  events.on_input = [](auto, bool) -> Result<std::string> {
    return fail({.what = "interrupted",
                 .why = {},
                 .hint = {},
                 .exit = Exit::interrupted,
                 .reason = Reason::interrupted,
                 .trace = {}});
  };
  auto connection = server.connect();
  EXPECT_EQ(error_of(connection->execute("input()", true, events, patient)).reason,
            Reason::interrupted);
  EXPECT_TRUE(connection->finish(events, patient));
}

TEST(Kernel, a_message_that_is_none_is_corrupt) {
  FakeServer server([&](FakeKernel& kernel) {
    if (!kernel.next()) return;
    kernel.peer().write(testing::server_frame(testing::final_binary, "nonsense"));
    kernel.next();
  });
  EXPECT_EQ(error_of(server.connect()->execute("x", true, {}, patient)).reason, Reason::corrupt);
}

TEST(Kernel, a_kernel_that_is_not_there_is_not_found) {
  LocalServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  LocalHttp http;
  SystemRandom random;
  auto connection =
      JupyterClient(http, random, server.endpoint(), Secret("t")).connect("nobody", patient);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().reason, Reason::not_found);
}

}  // namespace
}  // namespace carrel
