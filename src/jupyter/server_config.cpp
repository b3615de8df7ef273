#include "jupyter/server_config.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::json;

Json path_or_null(const std::filesystem::path& path) {
  return path.empty() ? Json(nullptr) : Json(path.string());
}

// A whole number within what `Number` can hold, and not below `least`; nlohmann's `get` would bend
// anything into shape.
template <class Number>
Number number_at(const Json& json, const char* key, Number least = 0) {
  const auto& value = json.at(key);
  const bool fits = value.is_number_unsigned() &&
                    std::in_range<Number>(value.get<std::uint64_t>()) &&
                    value.get<Number>() >= least;
  if (!fits) {
    throw Json::other_error::create(500, fmt::format("{} is no such number", key), &json);
  }
  return value.get<Number>();
}

// Runs `read` on the parsed text; a library's exception becomes an Error that names `what`.
template <class Read>
auto from_json(std::string_view text, std::string_view what, Read read) -> decltype(read(Json())) {
  try {
    return read(Json::parse(text));
  } catch (const Json::exception& error) {
    return fail({.what = fmt::format("{} is not what it should be", what),
                 .why = printable(error.what()),
                 .hint = {},
                 .reason = Reason::corrupt,
                 .trace = {}});
  }
}

}  // namespace

std::string server_config_json(const ServerConfig& config) {
  Json labextensions = Json::array();
  for (const auto& path : config.extra_labextensions_path) labextensions.push_back(path.string());
  const Json json = {
      {"version", 1},
      {"instance", config.instance},
      {"name", config.name},
      {"root_dir", config.root_dir.string()},
      {"notebook", config.notebook.empty() ? Json(nullptr) : Json(config.notebook)},
      {"ip", config.ip},
      {"port", config.port},
      {"certfile", path_or_null(config.certfile)},
      {"keyfile", path_or_null(config.keyfile)},
      {"token", config.token.reveal()},
      {"hashed_password",
       config.hashed_password.empty() ? Json(nullptr) : Json(config.hashed_password.reveal())},
      {"socket", config.socket.string()},
      {"runtime_dir", config.runtime_dir.string()},
      {"config_dir", config.config_dir.string()},
      {"data_dir", config.data_dir.string()},
      {"log", config.log.string()},
      {"lab_settings_dir", config.lab_settings_dir.string()},
      {"lab_workspaces_dir", config.lab_workspaces_dir.string()},
      {"terminal_env", config.terminal_env},
      {"early_kernel", true},
      {"extensions", "lean"},
      {"extra_labextensions_path", labextensions},
  };
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Secret> token_of_config(std::string_view config_json) {
  auto token =
      from_json(config_json, "the server's configuration", [](const Json& json) -> Result<Secret> {
        return Secret(json.at("token").get<std::string>());
      });
  if (!token) token.error().why.clear();  // the library quotes what it has read: secrets
  return token;
}

std::string kernel_spec_json(const std::vector<std::string>& argv, std::string_view display_name,
                             const std::map<std::string, std::string>& environment) {
  const Json json = {{"argv", argv},
                     {"display_name", display_name},
                     {"language", "python"},
                     {"interrupt_mode", "signal"},
                     {"metadata", {{"debugger", true}}},
                     {"env", environment}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ServerStarted> read_started(std::string_view line) {
  return from_json(line, "what carrel_server said", [](const Json& json) -> Result<ServerStarted> {
    if (json.contains("error")) {
      return fail({.what = printable(json.at("error").get<std::string>()),
                   .why = printable(json.value("why", "")),
                   .hint = printable(json.value("hint", "")),
                   .trace = {}});
    }
    return ServerStarted{.pid = number_at<int>(json, "pid", 1),
                         .start_ticks = number_at<std::uint64_t>(json, "start_ticks"),
                         .port = number_at<std::uint16_t>(json, "port")};
  });
}

Result<ServerFile> read_server_file(std::string_view json_text) {
  return from_json(json_text, "server.json", [](const Json& json) -> Result<ServerFile> {
    return ServerFile{
        .instance = json.at("instance").get<std::string>(),
        .pid = number_at<int>(json.at("supervisor"), "pid", 1),
        .start_ticks = number_at<std::uint64_t>(json.at("supervisor"), "start_ticks"),
        .server_pid = number_at<int>(json.at("server"), "pid", 1),
        .server_start_ticks = number_at<std::uint64_t>(json.at("server"), "start_ticks"),
        .boot_id = json.at("boot_id").get<std::string>()};
  });
}

Result<std::string> read_exit_file(std::string_view json_text, std::string_view instance) {
  return from_json(json_text, "exit.json", [&](const Json& json) -> Result<std::string> {
    if (json.at("instance").get<std::string>() != instance) {
      return fail({.what = "exit.json is of another start",
                   .why = {},
                   .hint = {},
                   .reason = Reason::not_found,
                   .trace = {}});
    }
    if (!json.at("signal").is_null()) {
      const auto signal = number_at<int>(json, "signal", 1);
      return signal == 9
                 ? std::string("it was killed (signal 9: often the system, when memory runs out)")
                 : fmt::format("it was ended by signal {}", signal);
    }
    return fmt::format("it ended with status {}", number_at<int>(json, "status"));
  });
}

}  // namespace carrel
