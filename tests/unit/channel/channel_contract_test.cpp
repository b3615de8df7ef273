#include "channel_contract.hpp"

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST_P(ChannelContract, gives_output_error_and_status_apart) {
  const auto result = run(shell("printf out; printf err >&2; exit 7"));
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.output, "out");
  EXPECT_EQ(result.error, "err");
}

TEST_P(ChannelContract, keeps_every_status_also_what_ssh_itself_uses) {
  for (const int status : {0, 1, 126, 127, 254, 255}) {
    EXPECT_EQ(run(shell(fmt::format("exit {}", status))).status, status);
  }
}

TEST_P(ChannelContract, tells_a_signal_as_128_and_its_number) {
  EXPECT_EQ(run(shell("kill -9 $$")).status, 128 + 9);
  EXPECT_EQ(run(shell("kill -15 $$")).status, 128 + 15);
}

TEST_P(ChannelContract, lasting_work_is_like_any_other_and_leaves_nothing) {
  Command work = shell(R"(echo "$WORD"; pwd; umask; echo error >&2; exit 7)");
  work.lasting = true;
  work.folder = root();
  work.environment = {{"WORD", "it's\n\"two\" $lines"}, {"TMPDIR", root()}};
  Command first = shell("umask");
  std::vector<std::string> lines;
  work.on_output = [&](std::string_view line) { lines.emplace_back(line); };
  const auto result = run(work);
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.output, "it's\n\"two\" $lines\n" + root().string() + "\n" + run(first).output);
  EXPECT_EQ(result.error, "error\n");
  EXPECT_EQ(lines.size(), 5);
  EXPECT_TRUE(fs::is_empty(root()));
  work.argv = {"carrel-no-such-program"};
  const auto missing = channel().run(work, patience());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, Reason::not_found);
}

TEST_P(ChannelContract, hands_every_argument_on_unharmed) {
  std::vector<std::string> odd = {
      "",         " ",    "a b", "'",   "''\"", "\\",    "\\n\\t", "$HOME", "`id`",         "$(id)",
      "!x!",      "a\nb", "\n",  "*",   "~",    "{a,b}", "-n",     "%s",    "\xff\xfe\x01", "ünï",
      "; exit 9", "# no", "=ls", "a=b", ">x",   "&",     "|",      "\t",    "\r",           "^x"};
  std::vector<std::string> argv = {"printf", "%s\\0"};
  argv.insert(argv.end(), odd.begin(), odd.end());
  std::string expected;
  for (const auto& word : odd) expected += word + '\0';
  EXPECT_EQ(run(command(argv)).output, expected);
}

TEST_P(ChannelContract, runs_the_program_and_not_the_shells_own_of_that_name) {
  EXPECT_EQ(run(command({"echo", "a\\nb"})).output, "a\\nb\n");
}

TEST_P(ChannelContract, hands_input_on_byte_for_byte) {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i) bytes += static_cast<char>(i * 7 % 256);
  Command cat = command({"cat"});
  cat.input = bytes;
  EXPECT_TRUE(run(cat).output == bytes);
  cat.input = "";
  EXPECT_EQ(run(cat).output, "");
}

TEST_P(ChannelContract, does_not_mind_input_that_nobody_reads) {
  Command no_reader = command({"true"});
  no_reader.input = std::string(3'000'000, 'x');
  EXPECT_EQ(run(no_reader).status, 0);
}

TEST_P(ChannelContract, adds_variables_and_takes_others_away_first) {
  Command env = shell("printf '%s|' \"${A-no}\" \"${PATH+yes}\" \"$B\"");
  env.environment = {{"A", "it's \"$HOME\"\n`x` \\"}, {"B", "\xff"}};
  EXPECT_EQ(run(env).output, "it's \"$HOME\"\n`x` \\|yes|\xff|");
  Command without = command({"env"});
  without.without = {"PATH", "HO*", "ABSENT"};
  without.argv = {"/usr/bin/env"};
  without.environment = {{"HOBBY", "kept"}};
  const auto output = "\n" + run(without).output;
  EXPECT_FALSE(output.contains("\nPATH=")) << output;
  EXPECT_FALSE(output.contains("\nHOME=")) << output;
  EXPECT_TRUE(output.contains("\nHOBBY=kept\n")) << output;
}

TEST_P(ChannelContract, fills_templates_with_the_machines_variables) {
  const auto home = run(shell("printf %s \"$HOME\"")).output;
  Command env = shell("printf '%s|' \"$A\" \"$B\" \"$C\"");
  env.environment = {{"HOME", "/ours"}};
  env.templates = {{"A", "x:${HOME}:y"}, {"B", "$$${NO_SUCH_NAME}$x${"}, {"C", "${A}'\"\\"}};
  EXPECT_EQ(run(env).output, "x:" + home + ":y|$${NO_SUCH_NAME}$x${|${A}'\"\\|");
}

TEST_P(ChannelContract, works_in_the_folder_asked_for) {
  Command pwd = command({"pwd", "-P"});
  pwd.folder = root() / "it's a folder";
  fs::create_directories(*pwd.folder);
  EXPECT_EQ(run(pwd).output, fs::canonical(*pwd.folder).string() + "\n");
  pwd.folder = root() / "absent";
  EXPECT_FALSE(channel().run(pwd, patience()));
}

TEST_P(ChannelContract, tells_a_program_that_does_not_exist_from_one_that_failed) {
  for (const char* name : {"no-such-program", "/no/such/program"}) {
    const auto missing = channel().run(command({name}), patience());
    ASSERT_FALSE(missing) << name;
    EXPECT_EQ(missing.error().reason, Reason::not_found) << name;
  }
  ASSERT_TRUE(write_file(root() / "data", "x", 0600));
  const auto forbidden = channel().run(command({(root() / "data").string()}), patience());
  ASSERT_FALSE(forbidden);
  EXPECT_EQ(forbidden.error().reason, Reason::refused);
  EXPECT_FALSE(channel().run(command({}), patience()));
}

TEST_P(ChannelContract, gives_each_line_as_it_comes) {
  const fs::path gate = root() / "gate";
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  // goes on only when its first line has been seen
  Command talking =
      shell("echo one; read -r line <" + gate.string() + "; echo \"$line\" >&2; printf end");
  std::vector<std::string> lines;
  talking.on_output = [&](std::string_view line) {
    lines.emplace_back(line);
    if (line == "one") std::ofstream(gate) << "two\n";
  };
  const auto result = run(talking);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "one");
  // of two streams nobody knows which was first
  EXPECT_TRUE(std::ranges::count(lines, "two") == 1 && std::ranges::count(lines, "end") == 1);
  EXPECT_EQ(result.output, "one\nend");
}

TEST_P(ChannelContract, keeps_no_output_when_asked_not_to) {
  Command much = shell("echo out; echo err >&2");
  much.keep_output = false;
  int lines = 0;
  much.on_output = [&lines](std::string_view) { ++lines; };
  const auto result = run(much);
  EXPECT_EQ(lines, 2);
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(result.error, "err\n");
}

TEST_P(ChannelContract, does_not_wait_for_what_a_grandchild_says_later) {
  const auto started = SystemClock().now();
  const auto result = run(shell("sleep 600 & echo $!"));
  EXPECT_EQ(result.status, 0);
  EXPECT_LT(SystemClock().now() - started, std::chrono::seconds(30));
  ::kill(std::stoi(result.output), SIGKILL);
}

TEST_P(ChannelContract, ends_the_command_too_at_a_deadline) {
  const fs::path here = root() / "pid";
  const auto result = channel().run(
      shell("echo $$ >" + here.string() + "; trap '' TERM; while :; do sleep 0.05; done"),
      Wait::at_most(Milliseconds(1500)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::timed_out);
  const auto pid = read_file(here);
  ASSERT_TRUE(pid) << "it never began";
  EXPECT_TRUE(becomes_true([&] { return !start_ticks(std::stoi(*pid)); }));
}

TEST_P(ChannelContract, ends_the_command_too_at_ctrl_c) {
  Interrupt interrupt;
  std::string pid;
  Command waiting = shell("echo $$; exec sleep 600");
  waiting.on_output = [&](std::string_view line) {
    pid = line;
    interrupt.raise();
  };
  Wait wait = patience();
  wait.interrupt = &interrupt;
  const auto result = channel().run(waiting, wait);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::interrupted);
  ASSERT_FALSE(pid.empty());
  EXPECT_TRUE(becomes_true([&] { return !start_ticks(std::stoi(pid)); }));
}

const auto name_of_kind = [](const auto& kind) { return kind.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Channels, ChannelContract,
    testing::Values(
        Kind{"direct", "here"}, Kind{"ssh", ""},
        Kind{
            "ssh_dash_that_prints",
            R"sh(printf 'Welcome!\nno newline'; printf 'oops' >&2; exec dash -c "$SSH_ORIGINAL_COMMAND")sh"}),
    name_of_kind);

class AnyLoginShell : public ChannelContract {};

TEST_P(AnyLoginShell, starts_the_command_unharmed) {
  Command odd = shell("printf '%s|' \"$@\" \"$A\"; cat; printf err >&2; exit 255");
  odd.argv.insert(odd.argv.end(), {"sh", "it's", "$HOME", "!x", "\\n", "a\nb", "*", ""});
  odd.environment = {{"A", "'\"\\!$\n"}};
  odd.input = "in\\put\n";
  const auto result = run(odd);
  EXPECT_EQ(result.output, "it's|$HOME|!x|\\n|a\nb|*||'\"\\!$\n|in\\put\n");
  EXPECT_EQ(result.error, "err");
  EXPECT_EQ(result.status, 255);
  EXPECT_TRUE(channel().put(root() / "a", {{.path = "f", .bytes = "x", .mode = 0600}}, patience()));
  EXPECT_EQ(channel().get(root() / "a" / "f", patience()), "x");
}

TEST_P(AnyLoginShell, is_not_in_the_way_of_ending_a_command) {
  Interrupt interrupt;
  std::string pid;
  Command waiting = shell("echo $$; exec sleep 600");
  waiting.on_output = [&](std::string_view line) {
    pid = line;
    interrupt.raise();
  };
  Wait wait = patience();
  wait.interrupt = &interrupt;
  ASSERT_FALSE(channel().run(waiting, wait));
  ASSERT_FALSE(pid.empty());
  EXPECT_TRUE(becomes_true([&] { return !start_ticks(std::stoi(pid)); }));
}

INSTANTIATE_TEST_SUITE_P(
    Channels, AnyLoginShell,
    testing::Values(Kind{"bash", R"sh(exec bash --norc -c "$SSH_ORIGINAL_COMMAND")sh"},
                    Kind{"zsh", R"sh(exec zsh -f -c "$SSH_ORIGINAL_COMMAND")sh"},
                    Kind{"fish", R"sh(exec fish --no-config -c "$SSH_ORIGINAL_COMMAND")sh"},
                    Kind{"tcsh", R"sh(exec tcsh -f -c "$SSH_ORIGINAL_COMMAND")sh"}),
    name_of_kind);

}  // namespace
}  // namespace carrel
