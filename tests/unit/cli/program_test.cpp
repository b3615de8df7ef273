// Whole commands against a world that tests control: what is asked, what is shown, how it ends.
#include "cli/program.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "jupyter/password.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "unit/cli/fake_world.hpp"

#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel::cli {
namespace {

using Words = std::vector<std::string>;

struct Fixture : FakeWorld {
  int run(const Words& words) {
    const std::vector<Command> commands{
        up_command({"local"}),
        stop_command(),
        rm_command(),
        ls_command({}),
        status_command(),
        password_command(),
        doctor_command({}),
        completion_command(),
        help_command(),
        {.name = "bug", .group = "", .summary = "", .run = [](CommandContext&) -> Result<int> {
           throw std::runtime_error("a \x1b[2J bug");
         }}};
    terminal.out_text.clear();
    terminal.err_text.clear();
    return run_program(world, commands, words);
  }
  bool said(const std::string& text) const {
    return terminal.err_text.find(text) != std::string::npos ||
           terminal.out_text.find(text) != std::string::npos;
  }
  void make_program(const std::string& name) {
    std::filesystem::create_directories(home.path() / "bin");
    ASSERT_TRUE(write_file(home.path() / "bin" / name, "#!/bin/sh\n", 0755));
  }
};

TEST(program, alone_and_with_help_it_says_what_there_is) {
  Fixture fixture;
  EXPECT_EQ(fixture.run({}), 0);
  EXPECT_TRUE(fixture.said("carrel up"));
  EXPECT_EQ(fixture.run({"--version"}), 0);
  EXPECT_EQ(fixture.run({"stop", "--help"}), 0);
  EXPECT_TRUE(fixture.said("carrel stop [OPTIONS] [NAME...]"));
  EXPECT_EQ(fixture.run({"help", "stop"}), 0);
  EXPECT_EQ(fixture.run({"help", "stpo"}), 2);
  EXPECT_EQ(fixture.terminal.out_text, "");
}

TEST(program, bad_usage_is_told_to_people_and_under_json_to_programs) {
  Fixture fixture;
  EXPECT_EQ(fixture.run({"ls", "--jsn"}), 2);
  EXPECT_TRUE(fixture.said("did you mean --json"));
  EXPECT_EQ(fixture.terminal.out_text, "");
  EXPECT_EQ(fixture.run({"ls", "--json", "x"}), 2);
  EXPECT_EQ(nlohmann::json::parse(fixture.terminal.out_text)["exit"], 2);
}

TEST(program, a_bug_is_an_error_and_not_a_crash) {
  Fixture fixture;
  EXPECT_EQ(fixture.run({"bug"}), 1);
  EXPECT_TRUE(fixture.said("a ^[[2J bug"));
}

TEST(ls, an_empty_list_names_the_next_step) {
  Fixture fixture;
  EXPECT_EQ(fixture.run({"ls"}), 0);
  EXPECT_EQ(fixture.terminal.out_text, "");
  EXPECT_TRUE(fixture.said("carrel up"));
  EXPECT_EQ(fixture.run({"ls", "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(fixture.terminal.out_text),
            nlohmann::json::parse(R"({"workspaces":[]})"));
  EXPECT_EQ(fixture.run({"ls", "--names"}), 0);
  EXPECT_EQ(fixture.terminal.out_text, "");
}

TEST(select, each_name_that_is_none_is_told_and_names_with_all_are_refused) {
  Fixture fixture;
  EXPECT_EQ(fixture.run({"stop", "one", "two"}), 2);
  EXPECT_TRUE(fixture.said("one") && fixture.said("two")) << fixture.terminal.err_text;
  EXPECT_EQ(fixture.run({"stop", "one", "--all"}), 2);
  EXPECT_EQ(fixture.run({"stop", "--all"}), 0);
  EXPECT_EQ(fixture.run({"status"}), 2);
  EXPECT_EQ(fixture.run({"status", "one", "--json"}), 2);
  const auto json = nlohmann::json::parse(fixture.terminal.out_text);
  EXPECT_TRUE(json["workspaces"].empty());
  EXPECT_EQ(json["errors"][0]["name"], "one");
}

TEST(up, bad_flags_are_refused_before_anything_is_made) {
  Fixture fixture;
  std::filesystem::create_directories(fixture.home.path() / "x");
  ASSERT_TRUE(write_file(fixture.home.path() / "a.ipynb", "{}", 0600));
  struct Case {
    Words words;
    std::string said;
  };
  const std::vector<Case> cases{{{"up", "nowhere"}, "there is no folder nowhere"},
                                {{"up", "a.ipynb"}, "--notebook a.ipynb"},
                                {{"up", "x", "--port", "0"}, "--port 0 is no port"},
                                {{"up", "x", "--port", "70000"}, "65535"},
                                {{"up", "x", "--port", "80x"}, "is no port"},
                                {{"up", "x", "--name", "a b"}, "a b"},
                                {{"up", "x", "--notebook", "../a.ipynb"}, "../a.ipynb"}};
  for (const auto& item : cases) {
    EXPECT_EQ(fixture.run(item.words), 2) << item.said;
    EXPECT_TRUE(fixture.said(item.said)) << fixture.terminal.err_text;
  }
  EXPECT_FALSE(std::filesystem::exists(fixture.home.path() / ".local"));
}

TEST(up, public_without_a_terminal_needs_a_password_from_elsewhere) {
  Fixture fixture;
  fixture.terminal.asks = false;
  EXPECT_EQ(fixture.run({"up", "--public"}), 3);
  EXPECT_TRUE(fixture.said("--password-stdin") && fixture.said("CARREL_PASSWORD_FILE"));
}

TEST(up, a_password_file_that_others_can_read_is_refused) {
  Fixture fixture;
  const auto file = fixture.home.path() / "password.txt";
  fixture.world.environment["CARREL_PASSWORD_FILE"] = file.string();
  ASSERT_TRUE(write_file(file, "secret-in-a-file\n", 0640));
  EXPECT_EQ(fixture.run({"up", "--public"}), 3);
  EXPECT_TRUE(fixture.said("others can read") && fixture.said("chmod 600"))
      << fixture.terminal.err_text;
  ASSERT_TRUE(write_file(file, "\n", 0600));
  EXPECT_EQ(fixture.run({"up", "--public"}), 2);
  std::filesystem::remove(file);
  EXPECT_EQ(fixture.run({"up", "--public"}), 1);
  std::filesystem::create_directory(file);
  EXPECT_NE(fixture.run({"up", "--public"}), 0);
  EXPECT_FALSE(fixture.said("secret-in-a-file"));
}

TEST(password, is_asked_twice_and_hashed) {
  Fixture fixture;
  fixture.terminal.answers = {"right horse", "right horse"};
  EXPECT_EQ(fixture.run({"password"}), 0);
  EXPECT_EQ(fixture.terminal.questions.size(), 2U);
  auto hash = fixture.terminal.out_text;
  ASSERT_TRUE(hash.ends_with('\n'));
  hash.pop_back();
  EXPECT_TRUE(verify_password(hash, Secret("right horse")));
  EXPECT_FALSE(fixture.said("right horse"));
}

TEST(password, from_standard_input_loses_one_line_end_and_nothing_else) {
  Fixture fixture;
  for (const auto* input : {"two  words", "two  words\n", "two  words\r\n"}) {
    fixture.terminal.input = input;
    ASSERT_EQ(fixture.run({"password", "--stdin"}), 0);
    auto hash = fixture.terminal.out_text;
    hash.pop_back();
    EXPECT_TRUE(verify_password(hash, Secret("two  words")));
  }
  for (const auto* input : {"", "\n", "a\nb\n"}) {
    fixture.terminal.input = input;
    EXPECT_EQ(fixture.run({"password", "--stdin"}), 2);
  }
}

TEST(password, is_not_made_up_when_answers_differ_or_there_is_no_terminal) {
  Fixture fixture;
  fixture.terminal.answers = {"one", "two"};
  EXPECT_EQ(fixture.run({"password"}), 3);
  EXPECT_TRUE(fixture.said("differ"));
  EXPECT_EQ(fixture.terminal.out_text, "");
  fixture.terminal.asks = false;
  EXPECT_EQ(fixture.run({"password"}), 3);
  EXPECT_TRUE(fixture.said("carrel password --stdin"));
}

TEST(doctor, names_what_is_missing_with_the_command_that_mends_it) {
  Fixture fixture;
  for (const auto* name : {"python3", "nvidia-smi", "apt-get"}) fixture.make_program(name);
  fixture.processes.when(
      {"python3", "-c"},
      ProcessResult{.status = 0, .output = "3.9.2 /usr/bin/python3 old\n", .error = {}});
  fixture.processes.when(
      {"nvidia-smi"},
      ProcessResult{.status = 0, .output = "NVIDIA H100, 81559 MiB, 550.54\n", .error = {}});
  fixture.world.user = 1000;
  EXPECT_EQ(fixture.run({"doctor", "--json"}), 1);
  const auto json = nlohmann::json::parse(fixture.terminal.out_text);
  EXPECT_EQ(json["ready"], false);
  std::map<std::string, nlohmann::json> checks;
  for (const auto& check : json["checks"]) checks[check["name"]] = check;
  EXPECT_EQ(checks["python3"]["state"], "missing");
  EXPECT_EQ(checks["python3"]["fix"], "sudo apt install python3");
  EXPECT_EQ(checks["GPU"]["found"], "NVIDIA H100, 81559 MiB, 550.54");
  EXPECT_EQ(checks["git"]["state"], "optional");
  EXPECT_EQ(checks["git"]["fix"], "sudo apt install git");
  EXPECT_EQ(checks["journal"]["found"], "none yet");
  EXPECT_EQ(checks["state"]["state"], "ok");
  EXPECT_FALSE(std::filesystem::exists(fixture.home.path() / ".local")) << "doctor changes nothing";
}

TEST(doctor, is_content_with_python_alone) {
  Fixture fixture;
  fixture.make_program("python3");
  fixture.processes.when(
      {"python3", "-c"},
      ProcessResult{.status = 0, .output = "3.11.2 /usr/bin/python3 \n", .error = {}});
  EXPECT_EQ(fixture.run({"doctor"}), 0);
  EXPECT_TRUE(fixture.said("Carrel has what it needs here.")) << fixture.terminal.out_text;
}

TEST(completion, knows_three_shells) {
  Fixture fixture;
  for (const auto* shell : {"bash", "zsh", "fish"})
    EXPECT_EQ(fixture.run({"completion", shell}), 0);
  EXPECT_EQ(fixture.run({"completion", "tcsh"}), 2);
  EXPECT_EQ(fixture.run({"completion"}), 2);
}

}  // namespace
}  // namespace carrel::cli
