#include "fakes/local_server.hpp"
#include "fakes/websocket_peer.hpp"
#include "jupyter/client.hpp"
#include "jupyter/message.hpp"
#include "os/http.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
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
using testing::LocalServer;
using testing::Peer;

const Wait patient = Wait::at_most(std::chrono::seconds(30));
const Wait expired{.deadline = std::chrono::steady_clock::now(), .interrupt = nullptr};

// The kernel's end of a channels WebSocket.
class FakeKernel {
 public:
  FakeKernel(Peer& peer, bool v1) : peer_(peer), v1_(v1) {}

  // The next message of the client; none when it has gone. Pongs are passed over and counted.
  std::optional<KernelMessage> next() {
    while (auto frame = testing::read_client_frame(peer_)) {
      if (frame->first == testing::final_pong) ++pongs;
      if (frame->first == testing::final_close) return std::nullopt;
      if (frame->first != testing::final_text && frame->first != testing::final_binary) continue;
      const bool binary = frame->first == testing::final_binary;
      auto message = v1_ ? decode_v1(frame->payload) : decode_legacy({binary, frame->payload});
      if (!message) return std::nullopt;
      return *message;
    }
    return std::nullopt;
  }
  // An answer to `parent`, a header's JSON.
  void say(const std::string& channel, const std::string& type, const Json& content,
           const std::string& parent) {
    const KernelMessage message{.channel = channel,
                                .header = Json{{"msg_id", "k"}, {"msg_type", type}}.dump(),
                                .parent_header = parent,
                                .content = content.dump()};
    peer_.write(v1_ ? testing::server_frame(testing::final_binary, encode_v1(message))
                    : testing::server_frame(testing::final_text, encode_legacy(message).bytes));
  }
  void status(const std::string& state, const std::string& parent) {
    say("iopub", "status", {{"execution_state", state}}, parent);
  }
  void reply_ok(const std::string& parent, int count = 1) {
    say("shell", "execute_reply", {{"status", "ok"}, {"execution_count", count}}, parent);
  }
  // All of a cell without outputs.
  void run(const std::string& parent) {
    status("busy", parent);
    reply_ok(parent);
    status("idle", parent);
  }
  Peer& peer() { return peer_; }
  int pongs = 0;

 private:
  Peer& peer_;
  bool v1_;
};

// A Jupyter Server with one kernel, "k1".
class FakeServer {
 public:
  using Kernel = std::function<void(FakeKernel&)>;
  explicit FakeServer(Kernel kernel, bool v1 = true)
      : server_([kernel = std::move(kernel), v1, this](Peer& peer) {
          const auto [head, body] = peer.read_request();
          if (head.starts_with("POST /api/kernels/k1/interrupt ")) {
            interrupted.set_value();
            peer.write("HTTP/1.1 204 No Content\r\n\r\n");
            return;
          }
          peer.write(testing::upgrade_answer(
              head, v1 ? "Sec-WebSocket-Protocol: v1.kernel.websocket.jupyter.org\r\n" : ""));
          head_ = head;
          FakeKernel speaking(peer, v1);
          kernel(speaking);
        }) {}

  std::unique_ptr<KernelConnection> connect() {
    auto connection =
        JupyterClient(http_, random_, server_.endpoint(), Secret("tok")).connect("k1", patient);
    EXPECT_TRUE(connection) << connection.error().what << ": " << connection.error().why;
    return connection ? std::move(*connection) : nullptr;
  }
  const std::string& head() const { return head_; }
  std::promise<void> interrupted;

 private:
  LocalHttp http_;
  SystemRandom random_;
  std::string head_;
  LocalServer server_;
};

struct Seen {
  std::vector<std::string> outputs;
  std::vector<std::string> updates;
  std::vector<bool> clears;
  ExecuteEvents events() {
    return {.on_output = [this](std::string_view json) { outputs.emplace_back(json); },
            .on_update_display = [this](std::string_view json) { updates.emplace_back(json); },
            .on_clear_output = [this](bool wait) { clears.push_back(wait); },
            .on_input = {}};
  }
};

Error error_of(const Result<ExecuteResult>& result) {
  return result ? Error{} : result.error();
}

TEST(Kernel, runs_a_cell_in_both_framings) {
  for (const bool v1 : {true, false}) {
    Json request;
    Json header;
    FakeServer server(
        [&](FakeKernel& kernel) {
          while (auto message = kernel.next()) {
            EXPECT_EQ(message->channel, "shell");
            header = Json::parse(message->header);
            request = Json::parse(message->content);
            kernel.run(message->header);
          }
        },
        v1);
    auto connection = server.connect();
    ASSERT_TRUE(connection);
    auto result = connection->execute("6*7\n\"é\"", false, {}, patient);
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_EQ(result->status, "ok");
    EXPECT_EQ(result->execution_count, 1);
    EXPECT_EQ(header["msg_type"], "execute_request");
    EXPECT_EQ(header["username"], "carrel");
    EXPECT_TRUE(server.head().starts_with(
        "GET /api/kernels/k1/channels?session_id=" + header["session"].get<std::string>() + " "));
    EXPECT_EQ(testing::field(server.head(), "Authorization"), "token tok");
    EXPECT_EQ(request, Json::parse(R"({"code":"6*7\n\"é\"","silent":false,"store_history":false,
        "user_expressions":{},"allow_stdin":false,"stop_on_error":true})"));
    const std::string first_id = header["msg_id"];
    ASSERT_TRUE(connection->execute("1", true, {}, patient));
    EXPECT_NE(header["msg_id"], first_id);
    EXPECT_EQ(request["store_history"], true);
  }
}

TEST(Kernel, outputs_are_nbformat_outputs_in_order) {
  struct Case {
    const char* type;
    const char* content;
    const char* output;
  };
  const std::vector<Case> cases = {
      {"stream", R"({"name":"stderr","text":"a\n"})",
       R"({"output_type":"stream","name":"stderr","text":"a\n"})"},
      {"display_data",
       R"({"data":{"text/html":"<b>","text/plain":"b"},"metadata":{"x":1},"transient":{"display_id":"d"}})",
       R"({"output_type":"display_data","data":{"text/html":"<b>","text/plain":"b"},"metadata":{"x":1},"transient":{"display_id":"d"}})"},
      {"display_data", R"({"data":{},"metadata":{},"transient":{}})",
       R"({"output_type":"display_data","data":{},"metadata":{}})"},
      {"execute_result", R"({"execution_count":3,"data":{"text/plain":"42"},"metadata":{}})",
       R"({"output_type":"execute_result","execution_count":3,"data":{"text/plain":"42"},"metadata":{}})"},
      {"error", R"({"ename":"E","evalue":"v","traceback":["a","b"]})",
       R"({"output_type":"error","ename":"E","evalue":"v","traceback":["a","b"]})"},
      // what is missing or of another type leaves a valid document
      {"stream", R"({"text":7})", R"({"output_type":"stream","name":"stdout","text":""})"},
      {"execute_result", R"({"data":[],"execution_count":"x"})",
       R"({"output_type":"execute_result","execution_count":null,"data":{},"metadata":{}})"},
      {"error", R"({"traceback":["a",7]})",
       R"({"output_type":"error","ename":"","evalue":"","traceback":["a"]})"},
  };
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    for (const Case& c : cases)
      kernel.say("iopub", c.type, Json::parse(c.content), request->header);
    kernel.say("iopub", "comm_msg", Json::object(), request->header);
    kernel.run(request->header);
    kernel.next();
  });
  Seen seen;
  ASSERT_TRUE(server.connect()->execute("x", true, seen.events(), patient));
  ASSERT_EQ(seen.outputs.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(seen.outputs[i], cases[i].output);
}

TEST(Kernel, displays_are_updated_and_output_is_cleared) {
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    kernel.say(
        "iopub", "update_display_data",
        Json::parse(R"({"data":{"text/plain":"2"},"metadata":{},"transient":{"display_id":"d"}})"),
        request->header);
    kernel.say("iopub", "clear_output", {{"wait", true}}, request->header);
    kernel.say("iopub", "clear_output", Json::object(), request->header);
    kernel.run(request->header);
    kernel.next();
  });
  Seen seen;
  ASSERT_TRUE(server.connect()->execute("x", true, seen.events(), patient));
  EXPECT_EQ(seen.updates,
            std::vector<std::string>{
                R"({"data":{"text/plain":"2"},"metadata":{},"transient":{"display_id":"d"}})"});
  EXPECT_EQ(seen.clears, (std::vector<bool>{true, false}));
  EXPECT_TRUE(seen.outputs.empty());
}

TEST(Kernel, a_cell_is_done_when_reply_and_idle_have_both_come_in_either_order) {
  for (const bool reply_first : {true, false}) {
    FakeServer server([&](FakeKernel& kernel) {
      const auto request = kernel.next();
      if (!request) return;
      const auto late = [&] { kernel.say("iopub", "stream", {{"text", "late"}}, request->header); };
      if (reply_first) {
        kernel.reply_ok(request->header);
        late();
        kernel.status("idle", request->header);
      } else {
        kernel.status("idle", request->header);
        late();
        kernel.reply_ok(request->header);
      }
      kernel.next();
    });
    Seen seen;
    ASSERT_TRUE(server.connect()->execute("x", true, seen.events(), patient));
    EXPECT_EQ(seen.outputs.size(), 1U) << reply_first;
  }
}

TEST(Kernel, messages_of_other_cells_are_none_of_ours) {
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    const std::string other = R"({"msg_id":"other"})";
    kernel.say("iopub", "stream", {{"text", "theirs"}}, other);
    kernel.reply_ok(other, 99);
    kernel.status("idle", other);
    kernel.status("idle", "{}");
    kernel.say("iopub", "execute_reply", {{"status", "ok"}},
               request->header);  // not on its channel
    kernel.say("shell", "status", {{"execution_state", "idle"}}, request->header);
    kernel.run(request->header);
    kernel.next();
  });
  Seen seen;
  auto result = server.connect()->execute("x", true, seen.events(), patient);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->execution_count, 1);
  EXPECT_TRUE(seen.outputs.empty());
}

TEST(Kernel, an_error_of_the_cell_is_a_result) {
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    kernel.say("shell", "execute_reply",
               Json::parse(R"({"status":"error","execution_count":4,"ename":"ValueError",
                               "evalue":"no","traceback":["\u001b[31mx"]})"),
               request->header);
    kernel.status("idle", request->header);
    kernel.next();
  });
  auto result = server.connect()->execute("x", true, {}, patient);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, "error");
  EXPECT_EQ(result->execution_count, 4);
  EXPECT_EQ(result->error_name, "ValueError");
  EXPECT_EQ(result->error_value, "no");
  EXPECT_EQ(result->traceback, std::vector<std::string>{"\x1b[31mx"});
}

TEST(Kernel, a_kernel_that_dies_is_said_to_have_died) {
  struct Case {
    const char* name;
    std::function<void(FakeKernel&, const std::string&)> end;
    const char* what;
  };
  const std::vector<Case> cases = {
      {"restarting", [](FakeKernel& k, const std::string&) { k.status("restarting", "{}"); },
       "the kernel died"},
      {"dead", [](FakeKernel& k, const std::string&) { k.status("dead", "{}"); },
       "the kernel died"},
      {"restarting, as an answer",
       [](FakeKernel& k, const std::string& parent) { k.status("restarting", parent); },
       "the kernel died"},
      {"a new kernel", [](FakeKernel& k, const std::string&) { k.status("starting", "{}"); },
       "the kernel was restarted"},
      {"shut down",
       [](FakeKernel& k, const std::string&) {
         k.say("iopub", "shutdown_reply", {{"restart", false}}, R"({"msg_id":"other"})");
       },
       "the kernel died"},
      {"gone", [](FakeKernel&, const std::string&) {}, "the kernel died"},
      {"goodbye",
       [](FakeKernel& k, const std::string&) { k.peer().write(testing::server_frame(0x88, "")); },
       "the kernel died"},
  };
  for (const Case& c : cases) {
    FakeServer server([&](FakeKernel& kernel) {
      const auto request = kernel.next();
      if (!request) return;
      kernel.status("busy", request->header);
      c.end(kernel, request->header);
      if (std::string_view(c.name) != "gone") kernel.next();
    });
    auto connection = server.connect();
    const Error error = error_of(connection->execute("x", true, {}, patient));
    EXPECT_EQ(error.reason, Reason::unreachable) << c.name;
    EXPECT_TRUE(error.what.starts_with(c.what)) << c.name << ": " << error.what;
    EXPECT_NE(error.hint.find("memory"), std::string::npos) << c.name;
    EXPECT_EQ(error_of(connection->finish({}, patient)).reason, Reason::not_found) << c.name;
  }
}

TEST(Kernel, a_death_between_two_cells_is_said_before_the_next_one_runs) {
  std::promise<void> dead;
  FakeServer server([&](FakeKernel& kernel) {
    auto request = kernel.next();
    if (!request) return;
    kernel.run(request->header);
    kernel.say("iopub", "stream", {{"text", "somebody else"}}, R"({"msg_id":"other"})");
    kernel.status("restarting", "{}");
    kernel.status("starting", "{}");
    dead.set_value();
    while ((request = kernel.next())) kernel.run(request->header);
  });
  auto connection = server.connect();
  ASSERT_TRUE(connection->execute("a = 1", true, {}, patient));
  dead.get_future().wait();
  EXPECT_EQ(error_of(connection->execute("a", true, {}, patient)).what, "the kernel died");
  // the new kernel serves
  EXPECT_TRUE(connection->execute("1", true, {}, patient));
}

// Both were seen with a real server: the new kernel's "starting" comes after the request.
TEST(Kernel, a_cell_sent_while_the_kernel_starts_again_runs_in_the_new_one) {
  FakeServer server([&](FakeKernel& kernel) {
    const auto request = kernel.next();
    if (!request) return;
    kernel.say("iopub", "shutdown_reply", {{"restart", true}}, R"({"msg_id":"other"})");
    kernel.status("starting", "{}");
    const auto probe = kernel.next();
    if (!probe) return;
    EXPECT_EQ(Json::parse(probe->header)["msg_type"], "kernel_info_request");
    kernel.run(request->header);
    kernel.say("shell", "kernel_info_reply", Json::object(), probe->header);
    kernel.next();
  });
  EXPECT_TRUE(server.connect()->execute("x", true, {}, patient));
}

TEST(Kernel, a_cell_that_went_down_with_the_old_kernel_is_not_waited_for) {
  FakeServer server([&](FakeKernel& kernel) {
    if (!kernel.next()) return;
    kernel.status("starting", "{}");
    const auto probe = kernel.next();
    if (!probe) return;
    kernel.say("shell", "kernel_info_reply", Json::object(), probe->header);
    kernel.next();
  });
  const Error error = error_of(server.connect()->execute("x", true, {}, patient));
  EXPECT_EQ(error.what, "the kernel was restarted before the cell ran");
  EXPECT_EQ(error.reason, Reason::unreachable);
}

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
