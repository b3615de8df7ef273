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
using testing::patient;
using testing::Seen;

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

}  // namespace
}  // namespace carrel
