#include "jupyter/server_config.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "os/file.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::json;

ServerConfig some_config() {
  return {.instance = "i-1",
          .name = "lesson",
          .root_dir = "/home/ada/les\"son",
          .port = 8888,
          .token = Secret("the-token-itself"),
          .socket = "/run/door",
          .runtime_dir = "/run",
          .config_dir = "/c",
          .data_dir = "/d",
          .log = "/l",
          .lab_settings_dir = "/s",
          .lab_workspaces_dir = "/w",
          .terminal_env = {{"PATH", "/bin"}},
          .extra_labextensions_path = {"/x"}};
}

TEST(server_config, leaves_what_is_not_wanted_null) {
  const auto json = Json::parse(server_config_json(some_config()));
  for (const auto* key : {"notebook", "certfile", "keyfile", "hashed_password"}) {
    EXPECT_TRUE(json.at(key).is_null()) << key;
  }
  EXPECT_EQ(json.at("version"), 1);
  EXPECT_EQ(json.at("root_dir"), "/home/ada/les\"son");
  EXPECT_EQ(json.at("ip"), "127.0.0.1");
  EXPECT_EQ(json.at("terminal_env").at("PATH"), "/bin");
}

TEST(server_config, writes_what_is_wanted) {
  auto config = some_config();
  config.notebook = "a b.ipynb";
  config.certfile = "/cert";
  config.keyfile = "/key";
  config.hashed_password = Secret("argon2:x");
  const auto json = Json::parse(server_config_json(config));
  EXPECT_EQ(json.at("notebook"), "a b.ipynb");
  EXPECT_EQ(json.at("certfile"), "/cert");
  EXPECT_EQ(json.at("keyfile"), "/key");
  EXPECT_EQ(json.at("hashed_password"), "argon2:x");
}

// carrel_server refuses keys that it does not know.
TEST(server_config, has_only_keys_that_its_contract_names) {
  const auto page = read_file(CARREL_SOURCE_DIR "/docs/development/server.md");
  ASSERT_TRUE(page);
  const auto json = Json::parse(server_config_json(some_config()));
  EXPECT_EQ(json.size(), 22U);
  for (const auto& [key, value] : json.items()) {
    EXPECT_NE(page->find("`" + key + "`"), std::string::npos) << key;
  }
}

TEST(server_config, gives_its_token_back) {
  EXPECT_EQ(token_of_config(server_config_json(some_config()))->reveal(), "the-token-itself");
}

TEST(server_config, that_is_damaged_anywhere_is_an_error_that_quotes_no_secret) {
  auto config = some_config();
  config.hashed_password = Secret("argon2:the-hash");
  const auto whole = server_config_json(config);
  for (std::size_t length = 0; length + 2 < whole.size(); ++length) {
    const auto token = token_of_config(std::string_view(whole).substr(0, length));
    ASSERT_FALSE(token) << length;
    const auto said = token.error().what + token.error().why + token.error().hint;
    EXPECT_EQ(said.find("the-"), std::string::npos) << said;
    EXPECT_EQ(token.error().reason, Reason::corrupt);
  }
  for (const auto* other : {"[]", "null", "{}", R"({"token": 3})", R"({"token": null})"}) {
    EXPECT_FALSE(token_of_config(other)) << other;
  }
}

TEST(kernel_spec, is_what_jupyter_reads) {
  const auto json = Json::parse(kernel_spec_json({"/e/bin/python", "-f", "{connection_file}"},
                                                 "Python \"3\"", {{"PATH", "/e/bin:${PATH}"}}));
  EXPECT_EQ(json.at("argv"), (Json{"/e/bin/python", "-f", "{connection_file}"}));
  EXPECT_EQ(json.at("display_name"), "Python \"3\"");
  EXPECT_EQ(json.at("language"), "python");
  EXPECT_EQ(json.at("env").at("PATH"), "/e/bin:${PATH}");
}

TEST(started, is_read) {
  const auto started =
      read_started(R"({"pid": 12, "start_ticks": 18446744073709551615, "port": 65535})");
  ASSERT_TRUE(started);
  EXPECT_EQ(started->pid, 12);
  EXPECT_EQ(started->start_ticks, 18446744073709551615U);
  EXPECT_EQ(started->port, 65535);
}

TEST(started, says_the_servers_refusal_in_its_own_words_without_escape_sequences) {
  const auto refused =
      read_started(R"({"error": "no \u001b[31m", "why": "because", "hint": "try"})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "no ^[[31m");
  EXPECT_EQ(refused.error().why, "because");
  EXPECT_EQ(refused.error().hint, "try");
}

TEST(started, refuses_anything_else) {
  for (const auto* line :
       {"", "[]", "7", "null", "Traceback", "{}", R"({"error": 3})", R"({"error":"a","why":3})",
        R"({"pid": 0, "start_ticks": 1, "port": 1})", R"({"pid": -1, "start_ticks": 1, "port": 1})",
        R"({"pid": 4294967297, "start_ticks": 1, "port": 1})",
        R"({"pid": 1e300, "start_ticks": 1, "port": 1})",
        R"({"pid": 1.5, "start_ticks": 1, "port": 1})",
        R"({"pid": "1", "start_ticks": 1, "port": 1})",
        R"({"pid": true, "start_ticks": 1, "port": 1})",
        R"({"pid": 1, "start_ticks": -1, "port": 1})",
        R"({"pid": 1, "start_ticks": 1, "port": 65536})", R"({"pid": 1, "start_ticks": 1})"}) {
    EXPECT_FALSE(read_started(line)) << line;
  }
}

TEST(server_file, is_read_and_anything_else_refused) {
  const std::string good = R"({"version":1,"instance":"i","supervisor":{"pid":7,"start_ticks":70},)"
                           R"("server":{"pid":8,"start_ticks":80},"port":1,"boot_id":"b"})";
  const auto file = read_server_file(good);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->instance, "i");
  EXPECT_EQ(file->pid, 7);
  EXPECT_EQ(file->start_ticks, 70U);
  EXPECT_EQ(file->server_pid, 8);
  EXPECT_EQ(file->server_start_ticks, 80U);
  EXPECT_EQ(file->boot_id, "b");
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(read_server_file(std::string_view(good).substr(0, length))) << length;
  }
  for (
      const auto* other :
      {"[]", "{}", R"({"instance":"i","supervisor":7,"server":8,"boot_id":"b"})",
       R"({"instance":"i","supervisor":{"pid":-1,"start_ticks":1},"server":{"pid":1,"start_ticks":1},"boot_id":"b"})",
       R"({"instance":"i","supervisor":{"pid":1,"start_ticks":1},"server":{"pid":1,"start_ticks":null},"boot_id":"b"})"}) {
    EXPECT_FALSE(read_server_file(other)) << other;
  }
}

struct End {
  std::string_view json;
  std::string_view sentence;
};

TEST(exit_file, is_a_sentence) {
  for (const auto& end :
       {End{R"({"instance":"i","status":1,"signal":null})", "it ended with status 1"},
        End{R"({"instance":"i","status":0,"signal":null})", "it ended with status 0"},
        End{R"({"instance":"i","status":null,"signal":15})", "it was ended by signal 15"}}) {
    EXPECT_EQ(read_exit_file(end.json, "i"), std::string(end.sentence));
  }
  EXPECT_TRUE(read_exit_file(R"({"instance":"i","status":null,"signal":9})", "i")
                  ->starts_with("it was killed (signal 9"));
}

TEST(exit_file, of_another_start_says_nothing_of_this_one) {
  const auto other = read_exit_file(R"({"instance":"old","status":1,"signal":null})", "i");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, Reason::not_found);
}

TEST(exit_file, that_makes_no_sense_is_refused) {
  for (const auto* json :
       {"", "{}", "[]", R"({"instance":"i"})", R"({"instance":"i","status":null,"signal":null})",
        R"({"instance":"i","status":"x","signal":null})",
        R"({"instance":3,"status":1,"signal":null})",
        R"({"instance":"i","status":null,"signal":1e99})"}) {
    EXPECT_FALSE(read_exit_file(json, "i")) << json;
  }
}

}  // namespace
}  // namespace carrel
