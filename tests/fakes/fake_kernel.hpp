// A Jupyter Server with one kernel, whose end of the channels a test plays.
#pragma once

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

namespace carrel::testing {

using Json = nlohmann::ordered_json;

inline const Wait patient = Wait::at_most(std::chrono::seconds(30));

// The kernel's end of a channels WebSocket.
class FakeKernel {
 public:
  FakeKernel(Peer& peer, bool v1) : peer_(peer), v1_(v1) {}

  // The next message of the client; none when it has gone. Pongs are passed over and counted.
  std::optional<KernelMessage> next() {
    while (auto frame = read_client_frame(peer_)) {
      if (frame->first == final_pong) ++pongs;
      if (frame->first == final_close) return std::nullopt;
      if (frame->first != final_text && frame->first != final_binary) continue;
      const bool binary = frame->first == final_binary;
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
    peer_.write(v1_ ? server_frame(final_binary, encode_v1(message))
                    : server_frame(final_text, encode_legacy(message).bytes));
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
          peer.write(upgrade_answer(
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

inline Error error_of(const Result<ExecuteResult>& result) {
  return result ? Error{} : result.error();
}

}  // namespace carrel::testing
