#include "workspace/state.hpp"

#include "base/text.hpp"
#include "os/file.hpp"
#include "workspace/provider.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

constexpr auto machines = {MachineState::none,     MachineState::pending, MachineState::running,
                           MachineState::stopping, MachineState::stopped, MachineState::gone,
                           MachineState::unknown};
constexpr auto servers = {ServerState::none,    ServerState::starting, ServerState::running,
                          ServerState::stopped, ServerState::dead,     ServerState::unknown};

TEST(word, follows_from_the_machine_and_while_it_runs_from_the_server) {
  const std::map<MachineState, std::string> by_machine = {
      {MachineState::none, "unfinished"},   {MachineState::pending, "starting"},
      {MachineState::stopping, "stopping"}, {MachineState::stopped, "stopped"},
      {MachineState::gone, "gone"},         {MachineState::unknown, "unknown"}};
  const std::map<ServerState, std::string> by_server = {
      {ServerState::none, "unfinished"}, {ServerState::starting, "starting"},
      {ServerState::running, "up"},      {ServerState::stopped, "stopped"},
      {ServerState::dead, "failed"},     {ServerState::unknown, "unknown"}};
  for (const auto machine : machines) {
    for (const auto server : servers) {
      const auto& expected =
          machine == MachineState::running ? by_server.at(server) : by_machine.at(machine);
      EXPECT_EQ(word_for(machine, server), expected)
          << to_string(machine) << " " << to_string(server);
    }
  }
}

TEST(state, names_are_all_different) {
  std::set<std::string_view> names;
  for (const auto machine : machines) names.insert(to_string(machine));
  EXPECT_EQ(names.size(), machines.size());
  names.clear();
  for (const auto server : servers) names.insert(to_string(server));
  EXPECT_EQ(names.size(), servers.size());
}

// The rows of the first table whose head has these three columns; code marks are taken off.
std::vector<std::vector<std::string>> table_in(const std::string& markdown) {
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (const auto& line : lines_of(markdown)) {
    std::vector<std::string> cells;
    for (const auto& cell : split(line, '|')) {
      std::string text(trimmed(cell));
      std::erase(text, '`');
      cells.push_back(std::move(text));
    }
    const bool is_row = cells.size() >= 5;
    if (is_row && cells[1] == "machine" && cells[2] == "server" && cells[3] == "state") {
      inside = true;
    } else if (inside && !is_row) {
      break;
    } else if (inside && !cells[1].starts_with("-")) {
      rows.push_back({cells[1], cells[2], cells[3]});
    }
  }
  return rows;
}

TEST(state, reference_has_the_same_table) {
  const auto page = read_file(CARREL_SOURCE_DIR "/docs/reference/states.md");
  ASSERT_TRUE(page) << page.error().what;
  std::map<std::pair<std::string, std::string>, std::string> documented;
  for (const auto& row : table_in(*page)) {
    // "any" in the server's column stands for each of them
    for (const auto server : servers) {
      if (row[1] != "any" && row[1] != to_string(server)) continue;
      EXPECT_TRUE(documented.try_emplace({row[0], std::string(to_string(server))}, row[2]).second)
          << row[0] << " " << row[1] << " is there twice";
    }
  }
  for (const auto machine : machines) {
    for (const auto server : servers) {
      const std::pair key(std::string(to_string(machine)), std::string(to_string(server)));
      ASSERT_TRUE(documented.contains(key)) << key.first << " " << key.second;
      EXPECT_EQ(documented.at(key), word_for(machine, server)) << key.first << " " << key.second;
    }
  }
  EXPECT_EQ(documented.size(), machines.size() * servers.size());
}

}  // namespace
}  // namespace carrel
