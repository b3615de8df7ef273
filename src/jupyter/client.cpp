#include "jupyter/client.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "jupyter/json_text.hpp"
#include "jupyter/kernel.hpp"
#include "jupyter/message.hpp"
#include "os/connection.hpp"
#include "os/http.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

Error client_error(std::string what, std::string why, Reason reason) {
  return {.what = std::move(what),
          .why = std::move(why),
          .hint = {},
          .exit = Exit::failed,
          .reason = reason,
          .trace = {}};
}

std::unexpected<Error> unexpected_answer(std::string_view missing) {
  return fail(client_error("Jupyter's answer is not what its API promises",
                           fmt::format("it has no {}", missing), Reason::corrupt));
}

// RFC 3986 section 2; `kept` beside the unreserved characters.
std::string percent_encoded(std::string_view text, std::string_view kept = {}) {
  std::string encoded;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || std::string_view("-._~").contains(c);
    if (unreserved || kept.contains(c)) {
      encoded.push_back(c);
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return encoded;
}

std::string kernel_target(std::string_view id, std::string_view action = {}) {
  return fmt::format("/api/kernels/{}{}", percent_encoded(id), action);
}

std::string contents_target(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  return "/api/contents/" + percent_encoded(path, "/");
}

Error refusal(std::string_view method, std::string_view target, const HttpResponse& response) {
  const Json body = parse_json(response.body);
  const std::string message = text_member(body, "message");
  const std::string reason = text_member(body, "reason");
  std::string why = printable(message.empty() ? reason : message);
  if (!message.empty() && !reason.empty() && reason != message) {
    why += fmt::format(" ({})", printable(reason));
  }
  // some answers are a line of text, others a page
  const std::string_view line = trimmed(response.body);
  if (why.empty() && body.is_discarded() && !line.starts_with('<') && line.size() <= 300) {
    why = printable(line);
  }
  if (why.empty()) why = fmt::format("HTTP status {}", response.status);
  Error error =
      client_error(fmt::format("Jupyter refused {} {}", method, target.substr(0, target.find('?'))),
                   std::move(why), response.status == 404 ? Reason::not_found : Reason::refused);
  if (response.status == 401 || response.status == 403) {
    error.hint =
        "the server does not take the token that Carrel has for it; stop the workspace and start "
        "it again";
  }
  return error;
}

Result<Json> object_of(const HttpResponse& response) {
  Json json = parse_json(response.body);
  if (!json.is_object()) return unexpected_answer("JSON object");
  return json;
}

Result<Json> list_of(const HttpResponse& response) {
  Json json = parse_json(response.body);
  if (!json.is_array()) return unexpected_answer("JSON list");
  return json;
}

Result<KernelModel> kernel_of(const Json& json) {
  KernelModel kernel{.id = text_member(json, "id"),
                     .name = text_member(json, "name"),
                     .execution_state = text_member(json, "execution_state"),
                     .last_activity = text_member(json, "last_activity"),
                     .connections = number_member(json, "connections").value_or(0)};
  if (kernel.id.empty()) return unexpected_answer("kernel's id");
  return kernel;
}

Result<SessionModel> session_of(const Json& json) {
  SessionModel session{
      .id = text_member(json, "id"), .path = text_member(json, "path"), .kernel = {}};
  if (session.id.empty()) return unexpected_answer("session's id");
  const Json* kernel = object_member(json, "kernel");
  if (kernel == nullptr) return unexpected_answer("session's kernel");
  session.kernel = TRY(kernel_of(*kernel));
  return session;
}

Json named_kernel(std::string_view name) {
  return name.empty() ? Json::object() : Json{{"name", name}};
}

}  // namespace

JupyterClient::JupyterClient(Http& http, Random& random, Endpoint endpoint, Secret token)
    : http_(http), random_(random), endpoint_(std::move(endpoint)), token_(std::move(token)) {}

Result<HttpResponse> JupyterClient::call(std::string_view method, std::string_view target,
                                         std::string body, const Wait& wait) {
  HttpRequest request{.method = std::string(method), .target = std::string(target)};
  request.headers.emplace_back("Authorization", "token " + token_.reveal());
  request.headers.emplace_back("Accept", "application/json");
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  if (method == "GET") {
    request.target += request.target.contains('?') ? "&" : "?";
    request.target += "no_track_activity=1";
  }
  HttpResponse response = TRY(http_.send(endpoint_, request, wait));
  if (response.status / 100 != 2) return fail(refusal(method, target, response));
  return response;
}

Result<std::string> JupyterClient::version(const Wait& wait) {
  const Json json = TRY(object_of(TRY(call("GET", "/api", {}, wait))));
  std::string version = text_member(json, "version");
  if (version.empty()) return unexpected_answer("version");
  return version;
}

Result<std::vector<KernelModel>> JupyterClient::kernels(const Wait& wait) {
  std::vector<KernelModel> kernels;
  const Json list = TRY(list_of(TRY(call("GET", "/api/kernels", {}, wait))));
  for (const Json& json : list) kernels.push_back(TRY(kernel_of(json)));
  return kernels;
}

Result<std::vector<SessionModel>> JupyterClient::sessions(const Wait& wait) {
  std::vector<SessionModel> sessions;
  const Json list = TRY(list_of(TRY(call("GET", "/api/sessions", {}, wait))));
  for (const Json& json : list) sessions.push_back(TRY(session_of(json)));
  return sessions;
}

Result<SessionModel> JupyterClient::open_session(std::string_view path,
                                                 std::string_view kernel_name, const Wait& wait) {
  const Json body = {{"path", path},
                     {"type", "notebook"},
                     {"name", path.substr(path.rfind('/') + 1)},
                     {"kernel", named_kernel(kernel_name)}};
  return session_of(TRY(object_of(TRY(call("POST", "/api/sessions", json_text(body), wait)))));
}

Result<> JupyterClient::delete_session(std::string_view id, const Wait& wait) {
  TRY(call("DELETE", "/api/sessions/" + percent_encoded(id), {}, wait));
  return {};
}

Result<KernelModel> JupyterClient::start_kernel(std::string_view kernel_name, const Wait& wait) {
  std::string body = json_text(named_kernel(kernel_name));
  return kernel_of(TRY(object_of(TRY(call("POST", "/api/kernels", std::move(body), wait)))));
}

Result<> JupyterClient::delete_kernel(std::string_view id, const Wait& wait) {
  TRY(call("DELETE", kernel_target(id), {}, wait));
  return {};
}

Result<> JupyterClient::interrupt(std::string_view kernel_id, const Wait& wait) {
  TRY(call("POST", kernel_target(kernel_id, "/interrupt"), {}, wait));
  return {};
}

Result<std::unique_ptr<KernelConnection>> JupyterClient::connect(std::string_view kernel_id,
                                                                 const Wait& wait) {
  std::string session = hex(random_.bytes(16));
  auto socket = open_websocket(
      endpoint_, kernel_target(kernel_id, "/channels?session_id=" + session),
      {{"Authorization", "token " + token_.reveal()}}, std::string(kernel_protocol_v1), wait);
  if (!socket) {
    return fail(std::move(socket).error().while_doing("while connecting to the kernel"));
  }
  auto interrupt = [client = *this, id = std::string(kernel_id)](const Wait& now) mutable {
    return client.interrupt(id, now);
  };
  return make_kernel_connection(std::move(*socket), random_, std::move(session), interrupt);
}

Result<std::string> JupyterClient::read_notebook(std::string_view path, const Wait& wait) {
  const std::string target = contents_target(path) + "?type=notebook&content=1";
  const Json json = TRY(object_of(TRY(call("GET", target, {}, wait))));
  const Json* content = object_member(json, "content");
  if (content == nullptr) return unexpected_answer("notebook");
  return json_text(*content);
}

Result<> JupyterClient::write_notebook(std::string_view path, std::string_view document_json,
                                       const Wait& wait) {
  if (!is_json_object(document_json)) {
    return fail(client_error(fmt::format("cannot save {}", path), "it is not a notebook's JSON",
                             Reason::corrupt));
  }
  std::string body =
      fmt::format(R"({{"type":"notebook","format":"json","content":{}}})", document_json);
  TRY(call("PUT", contents_target(path), std::move(body), wait));
  return {};
}

Result<Ticket> JupyterClient::make_ticket(std::string_view landing_path, const Wait& wait) {
  const Json body = landing_path.empty() ? Json::object() : Json{{"path", landing_path}};
  const Json json = TRY(object_of(TRY(call("POST", "/carrel/tickets", json_text(body), wait))));
  Ticket ticket{.text = Secret(text_member(json, "ticket")),
                .expires_in = number_member(json, "expires_in").value_or(0)};
  if (ticket.text.empty()) return unexpected_answer("ticket");
  return ticket;
}

Result<std::string> JupyterClient::options(const Wait& wait) {
  HttpResponse response = TRY(call("GET", "/carrel/options", {}, wait));
  if (!is_json_object(response.body)) return unexpected_answer("JSON object");
  return std::move(response.body);
}

}  // namespace carrel
