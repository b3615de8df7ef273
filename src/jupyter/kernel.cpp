#include "jupyter/kernel.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "jupyter/client.hpp"
#include "jupyter/json_text.hpp"
#include "jupyter/kernel_outputs.hpp"
#include "jupyter/message.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

namespace carrel {
namespace {

constexpr std::string_view protocol_version = "5.3";

Error kernel_error(std::string what, std::string why, std::string hint, Reason reason) {
  return {.what = std::move(what),
          .why = std::move(why),
          .hint = std::move(hint),
          .exit = Exit::failed,
          .reason = reason,
          .trace = {}};
}

Error died(std::string what, std::string why) {
  return kernel_error(std::move(what), std::move(why),
                      "its variables are gone; the usual cause is a lack of memory: try with less "
                      "data at a time, or a machine with more",
                      Reason::unreachable);
}

bool wait_ended(const Error& error) {
  return error.reason == Reason::timed_out || error.reason == Reason::interrupted;
}

// What the loop looks at in each message.
struct Incoming {
  std::string channel;
  std::string type;
  std::string header;  // JSON text
  std::string parent_id;
  Json content;
};

Incoming incoming(KernelMessage message) {
  return {.channel = std::move(message.channel),
          .type = text_member(parse_json(message.header), "msg_type"),
          .header = std::move(message.header),
          .parent_id = text_member(parse_json(message.parent_header), "msg_id"),
          .content = parse_json(message.content)};
}

// The cell whose execute_request was sent and that has not ended.
struct Cell {
  std::string id;      // of the request
  bool begun = false;  // the kernel has said something about it
  std::optional<ExecuteResult> reply;
  bool idle = false;
  std::string probe;  // id of a kernel_info_request behind it, once its kernel has been replaced
  std::optional<Error> input_error;  // why it got no input
};

class WebSocketKernel final : public KernelConnection {
 public:
  WebSocketKernel(std::unique_ptr<WebSocket> socket, Random& random, std::string session,
                  std::function<Result<>(const Wait&)> interrupt)
      : socket_(std::move(socket)),
        v1_(socket_->subprotocol() == kernel_protocol_v1),
        random_(random),
        session_(std::move(session)),
        interrupt_(std::move(interrupt)) {}

  Result<ExecuteResult> execute(std::string_view code, bool store_history,
                                const ExecuteEvents& events, const Wait& wait) override {
    if (cell_) {
      return fail(kernel_error("cannot run a cell", "another one still runs in this kernel", {},
                               Reason::busy));
    }
    TRY(look_for_death(wait));
    const Json content = {{"code", code},
                          {"silent", false},
                          {"store_history", store_history},
                          {"user_expressions", Json::object()},
                          {"allow_stdin", events.on_input != nullptr},
                          {"stop_on_error", true}};
    cell_.emplace().id = hex(random_.bytes(16));
    TRY(send("shell", "execute_request", cell_->id, "{}", content, wait));
    return finish(events, wait);
  }

  Result<ExecuteResult> finish(const ExecuteEvents& events, const Wait& wait) override {
    if (!cell_) {
      return fail(kernel_error("no cell runs in this kernel", {}, {}, Reason::not_found));
    }
    while (!cell_->reply || !cell_->idle) {
      const Incoming message = TRY(receive(wait));
      TRY(handle(message, events, wait));
      // a kernel that never pauses must not outlast the deadline
      const bool done = cell_->reply && cell_->idle;
      if (!done && wait.deadline && std::chrono::steady_clock::now() >= *wait.deadline) {
        return fail(kernel_error("the cell still runs", {}, {}, Reason::timed_out));
      }
    }
    const Cell cell = *std::exchange(cell_, std::nullopt);
    if (cell.input_error) return fail(*cell.input_error);
    return *cell.reply;
  }

 private:
  // A kernel that died since the last cell lost its variables: better said now than found out by a
  // NameError.
  Result<> look_for_death(const Wait& wait) {
    const Wait at_once{.deadline = std::chrono::steady_clock::now(), .interrupt = wait.interrupt};
    while (true) {
      auto message = receive(at_once);
      if (!message && message.error().reason == Reason::timed_out) return {};
      if (!message) return fail(std::move(message).error());
      TRY(check_alive(*message));
    }
  }

  Result<> send(std::string_view channel, std::string_view type, const std::string& id,
                const std::string& parent_header, const Json& content, const Wait& wait) {
    const Json header = {{"msg_id", id},         {"session", session_},
                         {"username", "carrel"}, {"date", iso8601(SystemClock().wall())},
                         {"msg_type", type},     {"version", protocol_version}};
    const KernelMessage message{.channel = std::string(channel),
                                .header = json_text(header),
                                .parent_header = parent_header,
                                .content = json_text(content)};
    auto sent = socket_->send(v1_ ? WebSocketMessage{.binary = true, .bytes = encode_v1(message)}
                                  : encode_legacy(message),
                              wait);
    if (!sent) return lost(std::move(sent).error());
    return {};
  }

  Result<Incoming> receive(const Wait& wait) {
    WebSocketMessage frame;
    if (backlog_.empty()) {
      auto received = socket_->receive(wait);
      if (!received) return lost(std::move(received).error());
      frame = std::move(*received);
    } else {
      frame = std::move(backlog_.front());
      backlog_.pop_front();
    }
    return incoming(TRY(v1_ ? decode_v1(frame.bytes) : decode_legacy(frame)));
  }

  // After a wait that ended the cell goes on; anything else is the end of it.
  std::unexpected<Error> lost(Error error) {
    if (wait_ended(error)) return fail(std::move(error));
    cell_.reset();
    if (error.reason != Reason::unreachable) return fail(std::move(error));
    return fail(died("the kernel died, or the connection to it was lost",
                     error.why.empty() ? error.what : error.what + ": " + error.why));
  }

  Result<> check_alive(const Incoming& message) {
    if (message.channel != "iopub") return {};
    if (message.type ==
        "shutdown_reply") {  // a restart's is followed by the new kernel's "starting"
      const auto restart = message.content.find("restart");
      if (restart == message.content.end() || *restart != false) return {};
      return end_cell(died("the kernel died", "somebody shut it down"));
    }
    if (message.type != "status") return {};
    const std::string state = text_member(message.content, "execution_state");
    if (state == "restarting") return end_cell(died("the kernel died", "it is being restarted"));
    if (state == "dead") return end_cell(died("the kernel died", "it could not be started again"));
    return {};
  }

  // A new kernel has come while a cell was waited for. Was the cell in the old one, it is lost.
  // Otherwise the new kernel may have it before it still, unless the request went to the old one:
  // what is asked behind it tells.
  Result<> meet_new_kernel(const Wait& wait) {
    if (cell_->begun) return end_cell(died("the kernel was restarted while the cell ran", {}));
    cell_->probe = hex(random_.bytes(16));
    return send("shell", "kernel_info_request", cell_->probe, "{}", Json::object(), wait);
  }

  std::unexpected<Error> end_cell(Error error) {
    cell_.reset();
    return fail(std::move(error));
  }

  Result<> handle(const Incoming& message, const ExecuteEvents& events, const Wait& wait) {
    TRY(check_alive(message));
    const bool about_cell = message.parent_id == cell_->id;
    if (!about_cell && message.channel == "iopub" && message.type == "status" &&
        text_member(message.content, "execution_state") == "starting") {
      return meet_new_kernel(wait);
    }
    if (message.channel == "shell" && message.type == "kernel_info_reply" &&
        !cell_->probe.empty() && message.parent_id == cell_->probe && !cell_->reply) {
      return end_cell(died("the kernel was restarted before the cell ran", {}));
    }
    if (!about_cell) return {};
    cell_->begun = true;
    if (message.channel == "shell" && message.type == "execute_reply") {
      cell_->reply = execute_result(message.content);
    } else if (message.channel == "stdin" && message.type == "input_request") {
      return give_input(message, events, wait);
    } else if (message.channel == "iopub") {
      show(message, events);
    }
    return {};
  }

  void show(const Incoming& message, const ExecuteEvents& events) {
    if (message.type == "status") {
      cell_->idle = cell_->idle || text_member(message.content, "execution_state") == "idle";
    } else if (message.type == "clear_output") {
      const auto wait = message.content.find("wait");
      const bool waits = wait != message.content.end() && wait->is_boolean() && wait->get<bool>();
      if (events.on_clear_output) events.on_clear_output(waits);
    } else if (message.type == "update_display_data") {
      if (events.on_update_display) events.on_update_display(json_text(message.content));
    } else if (const auto output = output_json(message.type, message.content)) {
      if (events.on_output) events.on_output(*output);
    }
  }

  Result<> give_input(const Incoming& request, const ExecuteEvents& events, const Wait& wait) {
    const std::string prompt = text_member(request.content, "prompt");
    Result<std::string> line = fail(kernel_error(
        "the cell asks for input, and nobody is there to give it", prompt,
        "run it in JupyterLab, or let the cell take its input from a variable", Reason::refused));
    if (events.on_input) {
      const auto password = request.content.find("password");
      line = while_answering_pings([&] {
        return events.on_input(prompt, password != request.content.end() &&
                                           password->is_boolean() && password->get<bool>());
      });
    }
    if (line) {
      return send("stdin", "input_reply", hex(random_.bytes(16)), request.header,
                  {{"status", "ok"}, {"value", *line}}, wait);
    }
    // Ctrl-C at the prompt is Ctrl-C during the cell: the caller decides
    if (wait_ended(line.error())) return fail(std::move(line).error());
    cell_->input_error = std::move(line).error();
    auto interrupted = interrupt_(wait);
    if (interrupted) return {};
    return fail(std::move(interrupted)
                    .error()
                    .while_doing("while interrupting a cell that asks for input"));
  }

  // A person may think for minutes, and a server drops a client that does not answer its pings.
  template <class Ask>
  Result<std::string> while_answering_pings(const Ask& ask) {
    Interrupt answered;
    std::thread pump([&] {
      while (true) {
        auto message = socket_->receive({.deadline = {}, .interrupt = &answered});
        if (!message) return;  // a lost connection is still lost for the next receive
        backlog_.push_back(std::move(*message));
      }
    });
    auto line = ask();
    answered.raise();
    pump.join();
    return line;
  }

  std::unique_ptr<WebSocket> socket_;
  bool v1_;
  Random& random_;
  std::string session_;
  std::function<Result<>(const Wait&)> interrupt_;
  std::optional<Cell> cell_;
  std::deque<WebSocketMessage> backlog_;  // came while a person was asked
};

}  // namespace

std::unique_ptr<KernelConnection> make_kernel_connection(
    std::unique_ptr<WebSocket> socket, Random& random, std::string session,
    std::function<Result<>(const Wait&)> interrupt) {
  return std::make_unique<WebSocketKernel>(std::move(socket), random, std::move(session),
                                           std::move(interrupt));
}

}  // namespace carrel
