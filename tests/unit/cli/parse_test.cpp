#include "cli/parse.hpp"

#include "base/error.hpp"
#include "cli/command.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel::cli {
namespace {

using Words = std::vector<std::string>;

Command sample() {
  return {.name = "up",
          .group = "",
          .summary = "",
          .arguments = {{.name = "FOLDER", .help = "a folder"}},
          .options = {{.name = "--name", .value = "NAME", .help = ""},
                      {.name = "--port", .letter = "-p", .value = "PORT", .help = ""},
                      {.name = "--json", .help = ""},
                      {.name = "--follow", .letter = "-f", .help = ""},
                      {.name = "--secret", .help = "", .hidden = true}},
          .run = {}};
}

Command with_names() {
  return {
      .name = "stop", .group = "", .summary = "", .arguments = {workspaces_argument()}, .run = {}};
}

Command with_rest() {
  return {.name = "exec",
          .group = "",
          .summary = "",
          .arguments = {workspace_argument()},
          .rest = "COMMAND...",
          .run = {}};
}

TEST(parse, takes_options_in_every_usual_form) {
  struct Case {
    Words words;
    std::string name;
    std::string port;
    std::string folder;
  };
  const std::vector<Case> cases{
      {{"--name", "a", "-p", "1", "x"}, "a", "1", "x"},
      {{"x", "--name=a", "--port=1"}, "a", "1", "x"},
      {{"-p1", "x", "--name", "a b"}, "a b", "1", "x"},
      {{"--name", "", "--port", "1", "x"}, "", "1", "x"},
      {{"--name=x=y", "--port", "0", "/a b/ü"}, "x=y", "0", "/a b/ü"},
  };
  for (const auto& item : cases) {
    const auto given = parse(sample(), item.words);
    ASSERT_TRUE(given) << given.error().what << "\n" << given.error().why;
    EXPECT_EQ(given->value("--name"), item.name);
    EXPECT_EQ(given->value("--port"), item.port);
    EXPECT_EQ(given->one("FOLDER"), item.folder);
    EXPECT_FALSE(given->has("--json"));
  }
  const auto nothing = parse(sample(), {});
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(nothing->has("--name"));
  EXPECT_EQ(nothing->one("FOLDER"), "");
  const auto flags = parse(sample(), {"--json", "-f", "--json", "--secret"});
  ASSERT_TRUE(flags);
  EXPECT_TRUE(flags->has("--json") && flags->has("--follow") && flags->has("--secret"));
}

TEST(parse, bad_usage_names_the_place_and_the_nearest_option) {
  struct Case {
    Command command;
    Words words;
    std::string what;  // in Error::what
    std::string why;   // Error::why, "" to skip
    std::string hint;  // in Error::hint
  };
  const std::vector<Case> cases{
      {sample(),
       {"--nmae", "x"},
       "no option --nmae",
       "carrel up --nmae x\n          ^^^^^^",
       "did you mean --name?"},
      {sample(),
       {"--nmae=x"},
       "no option --nmae",
       "carrel up --nmae=x\n          ^^^^^^^^",
       "--name?"},
      {sample(), {"--zzzzzz"}, "no option --zzzzzz", "", "carrel up --help"},
      {sample(), {"--secre"}, "no option --secre", "", "carrel up --help"},
      {sample(), {"a", "b"}, "too many: b", "carrel up a b\n            ^", "carrel up --help"},
      {sample(),
       {"--port"},
       "--port needs a value: PORT",
       "carrel up --port\n          ^^^^^^",
       ""},
      {sample(), {"--port", "--json"}, "--port needs a value", "", ""},
      {sample(), {"--json=yes"}, "--json takes no value", "", ""},
      {sample(),
       {"--name", "a", "--name=b"},
       "--name is there twice",
       "carrel up --name a --name=b\n                   ^^^^^^^^",
       ""},
      {sample(), {"x", "--", "y"}, "nothing after `--`", "", ""},
      {with_rest(), {"a"}, "COMMAND... is missing after `--`", "", ""},
      {with_rest(), {"a", "--"}, "COMMAND... is missing after `--`", "", ""},
      {with_rest(), {"a", "ls"}, "too many: ls", "", "write `--` before"},
      {sample(), {"\x1b[2J", "x"}, "too many: x", "", ""},
  };
  for (const auto& item : cases) {
    const auto given = parse(item.command, item.words);
    ASSERT_FALSE(given) << item.what;
    const auto& error = given.error();
    EXPECT_EQ(error.exit, Exit::usage);
    EXPECT_NE(error.what.find(item.what), std::string::npos) << error.what;
    EXPECT_NE(error.hint.find(item.hint), std::string::npos) << error.hint;
    if (!item.why.empty()) {
      EXPECT_EQ(error.why, item.why);
    }
    EXPECT_EQ((error.what + error.why).find('\x1b'), std::string::npos);
  }
}

TEST(parse, what_follows_two_dashes_is_left_alone) {
  const auto given = parse(with_rest(), {"a", "--", "ls", "--json", "--", "-x", ""});
  ASSERT_TRUE(given) << given.error().what;
  EXPECT_EQ(given->one("NAME"), "a");
  EXPECT_EQ(given->rest, (Words{"ls", "--json", "--", "-x", ""}));
  const auto here = parse(with_rest(), {"--", "ls"});
  ASSERT_TRUE(here);
  EXPECT_EQ(here->one("NAME"), "");
}

TEST(parse, takes_many_names) {
  const auto given = parse(with_names(), {"a", "b", "--", "-c"});
  ASSERT_TRUE(given) << given.error().what;
  EXPECT_EQ(given->all("NAME"), (Words{"a", "b", "-c"}));
}

TEST(parse, gives_each_of_several_arguments_one_word) {
  const Command two{.name = "forward",
                    .group = "",
                    .summary = "",
                    .arguments = {{.name = "NAME", .help = "", .required = true},
                                  {.name = "PORT", .help = "a port", .required = true}},
                    .options = {{.name = "--json", .help = ""}},
                    .run = {}};
  const auto given = parse(two, {"digits", "--json", "8000"});
  ASSERT_TRUE(given);
  EXPECT_EQ(given->one("NAME"), "digits");
  EXPECT_EQ(given->one("PORT"), "8000");
  EXPECT_TRUE(given->has("--json"));
  for (const auto& words :
       {Words{"digits"}, Words{"digits", "1", "2"}, Words{"digits", "--jsn", "1"}, Words{},
        Words{"digits", "1", "--", "2"}}) {
    EXPECT_FALSE(parse(two, words));
  }
}

TEST(parse, what_follows_two_dashes_may_be_left_out_where_brackets_say_so) {
  auto command = with_rest();
  command.rest = "[COMMAND...]";
  EXPECT_TRUE(parse(command, {"digits"}));
  EXPECT_EQ(parse(command, {"digits", "--", "exit", "7"})->rest, (Words{"exit", "7"}));
}

TEST(parse, missing_arguments_are_named) {
  auto command = sample();
  command.arguments.front().required = true;
  const auto given = parse(command, {"--json"});
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().what, "FOLDER is missing: a folder");
  EXPECT_EQ(given.error().why, "carrel up --json\n                 ^");
}

TEST(parse, commands_are_found_and_typing_errors_answered) {
  const std::vector<Command> commands{sample(), with_names()};
  EXPECT_EQ((*find_command(commands, "stop"))->name, "stop");
  const auto typo = find_command(commands, "stpo");
  ASSERT_FALSE(typo);
  EXPECT_NE(typo.error().hint.find("carrel stop"), std::string::npos);
  EXPECT_EQ(typo.error().exit, Exit::usage);
  const auto option = find_command(commands, "--json");
  ASSERT_FALSE(option);
  EXPECT_NE(option.error().hint.find("carrel COMMAND --json"), std::string::npos);
}

TEST(parse, help_is_wanted_before_two_dashes_only) {
  EXPECT_TRUE(wants_help({"a", "--help"}));
  EXPECT_TRUE(wants_help({"-h"}));
  EXPECT_FALSE(wants_help({"a", "--", "--help"}));
}

}  // namespace
}  // namespace carrel::cli
