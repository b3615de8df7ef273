#include "cli/json.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/state.hpp"
#include "workspace/workspaces.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel::cli {
namespace {

using Json = nlohmann::json;

WorkspaceStatus status() {
  WorkspaceStatus value{.id = WorkspaceId::make(WallTime{}, "0123456789"),
                        .name = *WorkspaceName::parse("digits")};
  value.folder = "/home/ada/digits";
  value.machine = MachineState::running;
  value.server = ServerState::running;
  value.word = "up";
  value.url = "http://127.0.0.1:8888/lab";
  value.port = 8888;
  value.kernels = 0;
  value.since = WallTime{std::chrono::seconds(1'795'519'000)};
  return value;
}

WorkspaceRow row() {
  return {.id = status().id, .name = status().name};
}

TEST(json, money_is_a_decimal_number_of_at_most_six_digits) {
  struct Case {
    std::int64_t micro_usd;
    std::string text;
  };
  const std::vector<Case> cases{{0, "0"},          {1, "1e-06"},
                                {4'200, "0.0042"}, {1'250'000, "1.25"},
                                {3'000'000, "3"},  {123'456'789'012, "123456.789012"}};
  for (const auto& item : cases) {
    auto value = status();
    value.cost = {item.micro_usd};
    const auto json = Json::parse(workspaces_json({value}));
    EXPECT_EQ(json["workspaces"][0]["cost_usd"].dump(), item.text);
  }
}

TEST(json, what_is_not_known_is_null_and_nothing_is_left_out) {
  const auto full = Json::parse(workspaces_json({status()}))["workspaces"][0];
  EXPECT_EQ(full["kernels"], 0);
  EXPECT_EQ(full["since"], "2026-11-24T11:16:40Z");
  auto value = status();
  value.url = "";
  value.kernels.reset();
  value.since.reset();
  value.port = 0;
  const auto empty = Json::parse(workspaces_json({value}))["workspaces"][0];
  for (const auto* key : {"url", "kernels", "since", "port", "detail", "provider"}) {
    EXPECT_TRUE(empty[key].is_null()) << key;
  }
  EXPECT_EQ(empty.size(), full.size());
  EXPECT_EQ(workspaces_json({}), "{\n  \"workspaces\": []\n}\n");
}

TEST(json, the_event_ready_has_all_of_a_workspace_and_the_proof) {
  UpResult result{.status = status()};
  result.proof = {.output = "42", .python = "3.11.2", .gpu = "", .cell = Milliseconds(6)};
  const auto line = ready_event(result);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto event = Json::parse(line);
  EXPECT_EQ(event["event"], "ready");
  EXPECT_EQ(event["name"], "digits");
  EXPECT_EQ(event["proof"],
            Json::parse(R"({"output":"42","python":"3.11.2","gpu":null,"cell_ms":6})"));
  EXPECT_EQ(event["cost_usd"], 0);
  EXPECT_TRUE(event["fingerprint"].is_null());
  EXPECT_EQ(event["was_up"], false);
}

TEST(json, an_output_that_is_no_json_is_left_out) {
  EXPECT_EQ(Json::parse(output_event(R"({"output_type":"stream"})"))["output"]["output_type"],
            "stream");
  EXPECT_EQ(output_event("{"), "");
}

TEST(json, a_failed_run_names_its_cell_and_error) {
  RunReport report{.cells = 3, .done = 1, .failed_cell = 2, .error_name = "E", .error_value = "v"};
  report.traceback = {"\x1b[31mt\x1b[0m"};
  const auto event = Json::parse(run_event(row(), "/n.ipynb", report));
  EXPECT_EQ(event["failed_cell"], 2);
  EXPECT_EQ(event["error"]["traceback"][0], "\x1b[31mt\x1b[0m");
  EXPECT_TRUE(
      Json::parse(run_event(row(), "/n.ipynb", {.cells = 3, .done = 3}))["error"].is_null());
}

TEST(json, bytes_that_are_no_utf8_are_replaced) {
  const Error error{.what = "a\xff", .why = {}, .hint = {}, .trace = {}};
  const auto event = Json::parse(error_event(error));
  EXPECT_EQ(event["what"], "a\uFFFD");
  EXPECT_TRUE(event["why"].is_null());
  EXPECT_EQ(event["exit"], 1);
}

void names_of(const Json& json, std::set<std::string>& names) {
  for (const auto& [key, value] : json.items()) {
    if (json.is_object()) names.insert(key);
    if (value.is_structured()) names_of(value, names);
  }
}

TEST(json, the_reference_names_every_field) {
  const auto page = read_file(CARREL_SOURCE_DIR "/docs/reference/json.md");
  ASSERT_TRUE(page);
  UpResult up{.status = status()};
  WorkspaceDetails details{.status = status()};
  details.kernels = {{.id = "k", .name = "python3"}};
  const Error error{.what = "w", .why = {}, .hint = {}, .trace = {}};
  const std::vector<std::string> texts{
      ready_event(up),
      details_json({details}, {{"x", error}}),
      cache_json({{.what = "template", .name = "n", .path = "/p"}}, true),
      checks_json({{.name = "git", .state = "ok", .found = "", .fix = ""}}, true),
      url_json(row(), "http://x"),
      error_event(error),
      note_event("x"),
      cell_event(1, 2, "x"),
      phase_event({.name = "a", .state = "begin", .text = "t"}),
      phase_event({.name = "a", .state = "end", .text = "t"}),
      run_event(row(), "n", {.cells = 1, .done = 0, .failed_cell = 1}),
      done_event("stopped", row().id, row().name.text(), true)};
  std::set<std::string> names;
  for (const auto& text : texts) names_of(Json::parse(text), names);
  EXPECT_GT(names.size(), 40U);
  for (const auto& name : names) {
    EXPECT_NE(page->find("`" + name + "`"), std::string::npos) << name << " is not in json.md";
  }
}

}  // namespace
}  // namespace carrel::cli
