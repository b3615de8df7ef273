#include "keeper/protocol.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "channel/ssh_target.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t no_version = 1'000'000;
constexpr std::array<std::string_view, 3> states = {"connecting", "up", "waiting"};
constexpr std::array<std::string_view, 5> requests = {"keep", "rest", "drop", "list", "end"};

std::unexpected<Error> unreadable(std::string why) {
  return fail({.what = "the keeper and this command do not understand each other",
               .why = std::move(why),
               .hint = {},
               .reason = Reason::corrupt,
               .trace = {}});
}

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Json> object_of(std::string_view line) {
  if (line.size() > longest_keeper_line) return unreadable("a line is too long");
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return unreadable("not a JSON object: " + printable(line.substr(0, 60)));
  return json;
}

std::string text(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number(const Json& object, std::string_view name, std::uint64_t otherwise = 0) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>()
                                                              : otherwise;
}

Json array_of(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : Json::array();
}

template <std::size_t Count>
std::optional<std::size_t> index_of(const std::array<std::string_view, Count>& words,
                                    std::string_view word) {
  for (std::size_t i = 0; i < Count; ++i) {
    if (words.at(i) == word) return i;
  }
  return std::nullopt;
}

Json json_of(const KeptWorkspace& kept) {
  const SshTarget& ssh = kept.ssh;
  return {{"id", kept.id.text()},
          {"port", kept.port},
          {"socket", kept.socket.string()},
          {"address", kept.address},
          {"ssh",
           {{"host", ssh.host},
            {"port", ssh.port},
            {"user", ssh.user},
            {"identity", ssh.identity.string()},
            {"known_hosts", ssh.known_hosts.string()},
            {"host_key_alias", ssh.host_key_alias},
            {"proxy_command", ssh.proxy_command},
            {"config", ssh.config.string()},
            {"connect_timeout", ssh.connect_timeout.count()},
            {"keep_alive", ssh.keep_alive.count()}}}};
}

Result<std::uint16_t> port_of(const Json& object, std::uint16_t otherwise) {
  const std::uint64_t port = number(object, "port", otherwise);
  if (port == 0 || port > 65535) return unreadable("\"port\" is no port");
  return static_cast<std::uint16_t>(port);
}

Result<std::chrono::seconds> seconds_of(const Json& object, std::string_view name,
                                        std::chrono::seconds otherwise) {
  const auto count = number(object, name, static_cast<std::uint64_t>(otherwise.count()));
  if (count == 0 || count > 3600) return unreadable(fmt::format("\"{}\" is not 1 to 3600", name));
  return std::chrono::seconds(count);
}

Result<SshTarget> target_of(const Json& json) {
  SshTarget ssh;
  ssh.host = text(json, "host");
  ssh.port = TRY(port_of(json, ssh.port));
  ssh.user = text(json, "user");
  ssh.identity = text(json, "identity");
  ssh.known_hosts = text(json, "known_hosts");
  ssh.host_key_alias = text(json, "host_key_alias");
  ssh.proxy_command = text(json, "proxy_command");
  ssh.config = text(json, "config");
  ssh.connect_timeout = TRY(seconds_of(json, "connect_timeout", ssh.connect_timeout));
  ssh.keep_alive = TRY(seconds_of(json, "keep_alive", ssh.keep_alive));
  return ssh;
}

Result<KeptWorkspace> kept_of(const Json& json) {
  const auto ssh = json.is_object() ? json.find("ssh") : json.end();
  if (!json.is_object() || ssh == json.end() || !ssh->is_object()) {
    return unreadable("a workspace to keep is an object with \"ssh\" in it");
  }
  KeptWorkspace kept{.id = TRY(WorkspaceId::parse(text(json, "id")))};
  kept.port = TRY(port_of(json, 0));
  kept.socket = text(json, "socket");
  if (!kept.socket.is_absolute()) return unreadable("\"socket\" is no absolute path");
  kept.ssh = TRY(target_of(*ssh));
  for (const Json& word : array_of(json, "address")) {
    if (!word.is_string()) return unreadable("\"address\" is not made of words");
    kept.address.push_back(word.get<std::string>());
  }
  if (kept.ssh.host.empty() && kept.address.empty()) {
    return unreadable("nothing says where the machine is");
  }
  return kept;
}

Result<KeptState> state_of(const Json& json) {
  if (!json.is_object()) return unreadable("a workspace is an object");
  KeptState state{.id = TRY(WorkspaceId::parse(text(json, "id"))),
                  .port = static_cast<std::uint16_t>(number(json, "port")),
                  .why = text(json, "why"),
                  .host = text(json, "host"),
                  .held = number(json, "held"),
                  .open = number(json, "open")};
  const auto index = index_of(states, text(json, "state"));
  state.state = static_cast<LinkState>(index.value_or(0));
  return state;
}

}  // namespace

std::string_view text_of(LinkState state) {
  return states.at(static_cast<std::size_t>(state));
}

std::string text_of(const KeptWorkspace& workspace) {
  return line_of(json_of(workspace));
}

std::string greeting_line() {
  return line_of({{"keeper", keeper_protocol}});
}

std::string request_line(const KeeperRequest& request) {
  Json json = {{"do", requests.at(static_cast<std::size_t>(request.what))}};
  if (request.workspace) json["workspace"] = json_of(*request.workspace);
  if (request.id) json["id"] = request.id->text();
  return line_of(json);
}

std::string answer_line(const Result<KeeperAnswer>& answer) {
  if (!answer) {
    const Error& error = answer.error();
    return line_of({{"error", {{"what", error.what}, {"why", error.why}, {"hint", error.hint}}}});
  }
  Json json = {{"ok", true}, {"workspaces", Json::array()}, {"kept", Json::array()}};
  for (const KeptState& state : answer->workspaces) {
    json["workspaces"].push_back({{"id", state.id.text()},
                                  {"port", state.port},
                                  {"state", text_of(state.state)},
                                  {"why", state.why},
                                  {"host", state.host},
                                  {"held", state.held},
                                  {"open", state.open}});
  }
  for (const KeptWorkspace& kept : answer->kept) json["kept"].push_back(json_of(kept));
  return line_of(json);
}

Result<int> parse_greeting(std::string_view line) {
  const Json json = TRY(object_of(line));
  const std::uint64_t version = number(json, "keeper", no_version);
  if (version >= no_version) return unreadable("it does not say its version");
  return static_cast<int>(version);
}

Result<KeeperRequest> parse_request(std::string_view line) {
  const Json json = TRY(object_of(line));
  const auto index = index_of(requests, text(json, "do"));
  if (!index) return unreadable("there is no request \"" + printable(text(json, "do")) + "\"");
  KeeperRequest request{.what = static_cast<KeeperDo>(*index)};
  if (request.what == KeeperDo::keep) {
    const auto found = json.find("workspace");
    request.workspace = TRY(kept_of(found == json.end() ? Json() : *found));
  }
  if (request.what == KeeperDo::drop || request.what == KeeperDo::rest) {
    request.id = TRY(WorkspaceId::parse(text(json, "id")));
  }
  return request;
}

Result<KeeperAnswer> parse_answer(std::string_view line) {
  const Json json = TRY(object_of(line));
  if (const auto error = json.find("error"); error != json.end() && error->is_object()) {
    return fail({.what = printable(text(*error, "what")),
                 .why = printable(text(*error, "why")),
                 .hint = printable(text(*error, "hint")),
                 .reason = Reason::refused,
                 .trace = {}});
  }
  KeeperAnswer answer;
  for (const Json& state : array_of(json, "workspaces")) {
    answer.workspaces.push_back(TRY(state_of(state)));
  }
  for (const Json& kept : array_of(json, "kept")) {
    if (auto one = kept_of(kept)) answer.kept.push_back(std::move(*one));
  }
  return answer;
}

}  // namespace carrel
