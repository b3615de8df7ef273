// The configuration of a workspace's Jupyter server, as carrel_server reads it
// (docs/development/server.md), and what that program says about itself. Pure: values to JSON text
// and back.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct ServerConfig {
  std::string instance;  // random text of this start
  std::string name;
  std::filesystem::path root_dir;
  std::string notebook;  // "" for none
  std::string ip = "127.0.0.1";
  std::uint16_t port = 0;
  std::filesystem::path certfile;  // empty: plain HTTP
  std::filesystem::path keyfile;
  Secret token;
  Secret hashed_password;  // empty: none
  std::filesystem::path socket;
  std::filesystem::path runtime_dir;
  std::filesystem::path config_dir;
  std::filesystem::path data_dir;
  std::filesystem::path log;
  std::filesystem::path lab_settings_dir;
  std::filesystem::path lab_workspaces_dir;
  std::map<std::string, std::string> terminal_env;
  std::vector<std::filesystem::path> extra_labextensions_path;
};

// The text holds secrets: it goes into a 0600 file and nowhere else.
std::string server_config_json(const ServerConfig& config);
Result<Secret> token_of_config(std::string_view config_json);

// kernel.json (jupyter_client "Kernel specs").
std::string kernel_spec_json(const std::vector<std::string>& argv, std::string_view display_name,
                             const std::map<std::string, std::string>& environment);

// What `carrel_server start` prints, or its refusal as an Error.
struct ServerStarted {
  int pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint16_t port = 0;
};
Result<ServerStarted> read_started(std::string_view line);

struct ServerFile {  // server.json
  std::string instance;
  int pid = 0;  // the supervisor's
  std::uint64_t start_ticks = 0;
  int server_pid = 0;
  std::uint64_t server_start_ticks = 0;
  std::string boot_id;
};
Result<ServerFile> read_server_file(std::string_view json);
// exit.json as a sentence: "it ended with status 1", "it was killed (signal 9)"; `instance` must be
// the one asked about.
Result<std::string> read_exit_file(std::string_view json, std::string_view instance);

}  // namespace carrel
