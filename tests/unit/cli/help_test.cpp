#include "cli/help.hpp"

#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/show.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel::cli {
namespace {

std::vector<Command> all() {
  return {up_command({"local"}), start_command(),      stop_command(),       rm_command(),
          ls_command({}),        status_command(),     logs_command(),       open_command(),
          url_command(),         run_command(),        exec_command(),       doctor_command({}),
          cache_command(),       password_command(),   completion_command(), help_command(),
          ssh_command(),         ssh_config_command(), forward_command(),    extend_command()};
}

TEST(help, every_command_says_what_it_does_with_an_example) {
  for (const auto& command : all()) {
    EXPECT_TRUE(command.run) << command.name;
    if (command.hidden) continue;
    EXPECT_FALSE(command.summary.empty() || command.summary.ends_with('.')) << command.name;
    EXPECT_NE(command.text.find("    carrel " + command.name), std::string::npos) << command.name;
    for (const auto& option : command.options) {
      EXPECT_TRUE(option.name.starts_with("--")) << option.name;
      EXPECT_FALSE(option.help.empty()) << option.name;
    }
  }
}

TEST(help, fits_a_terminal_of_eighty_columns) {
  const Look look{.colours = false, .unicode = true, .width = 80};
  for (const auto& command : all()) {
    for (const auto& line : lines_of(help_text(command, look))) {
      if (line.starts_with("    carrel ") || line.starts_with("    curl"))
        continue;  // examples are not broken
      EXPECT_LT(display_width(line), 81U) << command.name << ": " << line;
    }
  }
  for (const auto& line : lines_of(short_help(all(), look)))
    EXPECT_LT(display_width(line), 81U) << line;
}

TEST(help, hidden_things_are_hidden_everywhere) {
  const Look look{.colours = false, .unicode = true, .width = 80};
  const auto commands = all();
  for (const auto& text :
       {help_text(ls_command({}), look), markdown_page(ls_command({})), man_page(commands)}) {
    EXPECT_EQ(text.find("--names"), std::string::npos);
    EXPECT_EQ(text.find("names only"), std::string::npos);
  }
  EXPECT_EQ(short_help(commands, look).find("\n  help"), std::string::npos);
  EXPECT_EQ(markdown_index(commands).find("help.md"), std::string::npos);
}

TEST(help, text_is_cut_into_paragraphs_and_lines_to_type) {
  const auto blocks = blocks_of("one\ntwo\n\n    a\n    b\n\n    c\nthree");
  ASSERT_EQ(blocks.size(), 4U);
  EXPECT_EQ(blocks[0].text, "one two");
  EXPECT_TRUE(blocks[1].literal);
  EXPECT_EQ(blocks[1].text, "a\nb");
  EXPECT_EQ(blocks[2].text, "c");
  EXPECT_EQ(blocks[3].text, "three");
}

TEST(help, the_manual_page_has_no_line_that_roff_would_obey) {
  const Command odd{.name = "odd",
                    .group = "g",
                    .summary = ".SH evil",
                    .options = {{.name = "--back", .help = "a \\(bu and 'x'"}},
                    .text = ".begin with `a-b`\n\n    'line\n    .line\n    c:\\new",
                    .run = {}};
  const auto page = man_page({odd});
  for (const auto* expected : {"\n\\&.SH evil.\n", "\n\\&.begin with \\fBa\\-b\\fR\n",
                               "\n\\&'line\n\\&.line\nc:\\enew\n", "a \\e(bu and 'x'"}) {
    EXPECT_NE(page.find(expected), std::string::npos) << expected << "\n" << page;
  }
}

TEST(help, usage_lines_show_what_is_needed) {
  EXPECT_EQ(usage_line(up_command({})), "carrel up [OPTIONS] [FOLDER]");
  EXPECT_EQ(usage_line(stop_command()), "carrel stop [OPTIONS] [NAME...]");
  EXPECT_EQ(usage_line(exec_command()), "carrel exec [NAME] -- COMMAND...");
  EXPECT_EQ(usage_line(ssh_command()), "carrel ssh [NAME] [-- COMMAND...]");
  EXPECT_EQ(usage_line(run_command()), "carrel run [OPTIONS] NOTEBOOK");
}

TEST(completion, offers_every_command_and_option_in_each_shell) {
  const auto commands = all();
  const auto bash = bash_completion(commands);
  const auto zsh = zsh_completion(commands);
  const auto fish = fish_completion(commands);
  for (const auto& command : commands) {
    if (command.hidden) continue;
    EXPECT_NE(bash.find("    " + command.name + ")\n"), std::string::npos) << command.name;
    EXPECT_NE(zsh.find("    " + command.name + ")\n"), std::string::npos) << command.name;
    EXPECT_NE(fish.find("-a " + command.name + " -d"), std::string::npos) << command.name;
    for (const auto& option : command.options) {
      EXPECT_EQ(bash.find(option.name) != std::string::npos, true) << option.name;
      if (option.hidden) continue;
      EXPECT_NE(zsh.find("'" + option.name + "["), std::string::npos) << option.name;
      EXPECT_NE(fish.find(" -l " + option.name.substr(2)), std::string::npos) << option.name;
    }
  }
  for (const auto& script : {bash, zsh, fish}) {
    EXPECT_NE(script.find("carrel ls --names"), std::string::npos);
    EXPECT_EQ(script.find("--markdown"), std::string::npos);
  }
}

}  // namespace
}  // namespace carrel::cli
