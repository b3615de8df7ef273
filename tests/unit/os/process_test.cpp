#include "os/process.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"
#include "os/lines.hpp"
#include "os/process_detail.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

const Environment plain = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
// Longer than any test takes on a slow computer; a hang fails instead of hanging.
const Milliseconds patience = std::chrono::seconds(60);

ProcessSpec shell(std::string script) {
  return {.argv = {"sh", "-c", std::move(script)},
          .environment = plain,
          .folder = {},
          .input = {},
          .terminal = false,
          .on_output = {}};
}

Result<ProcessResult> run(const ProcessSpec& spec) {
  return SystemProcesses().run(spec, Wait::at_most(patience));
}

TEST(process, status_output_and_error_come_back) {
  const auto result = run(shell("echo out; echo err >&2; exit 7"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 7);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->error, "err\n");
}

TEST(process, output_that_is_not_kept_still_comes_line_by_line) {
  // more than may be kept
  auto spec =
      shell("yes 0123456789012345678901234567890123456789 | head -c 280000000; echo; echo err >&2");
  std::size_t bytes = 0;
  spec.on_output = [&bytes](std::string_view line) { bytes += line.size(); };
  spec.keep_output = false;
  const auto result = run(spec);
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(result->output, "");
  EXPECT_EQ(result->error, "err\n");
  EXPECT_GT(bytes, 270'000'000U);
}

TEST(process, a_signal_is_128_and_its_number) {
  EXPECT_EQ(run(shell("kill -KILL $$"))->status, 128 + SIGKILL);
}

TEST(process, nothing_is_inherited_but_what_the_spec_says) {
  ProcessSpec spec = shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort");
  spec.environment["ONLY"] = "this one";
  EXPECT_EQ(run(spec)->output, "ONLY=this one\nPATH=/usr/local/bin:/usr/bin:/bin\n");
  const Pipe leaked = *make_pipe();
  const int inheritable = ::dup(leaked.read_end.get());
  EXPECT_EQ(run(shell("echo /proc/self/fd/*"))->output.find(std::to_string(inheritable) + " "),
            std::string::npos);
  ::close(inheritable);
}

TEST(process, runs_in_its_folder) {
  const TemporaryFolder folder;
  ProcessSpec spec = shell("pwd -P");
  spec.folder = folder.path();
  EXPECT_EQ(run(spec)->output, fs::canonical(folder.path()).string() + "\n");
}

TEST(process, empty_input_is_an_immediate_end) {
  EXPECT_EQ(run(shell("cat; echo done"))->output, "done\n");
}

TEST(process, megabytes_both_ways_at_once_do_not_deadlock) {
  ProcessSpec spec = shell("tee /dev/stderr");
  for (int i = 0; i < 300'000; ++i) spec.input += std::to_string(i) + "\n";
  const auto result = run(spec);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->output == spec.input);
  EXPECT_TRUE(result->error == spec.input);
}

TEST(process, a_child_that_does_not_want_its_input_is_no_failure) {
  ProcessSpec spec = shell("exec <&-; sleep 0.05; exit 3");
  spec.input = std::string(1'000'000, 'x');
  EXPECT_EQ(run(spec)->status, 3);
}

TEST(process, lines_come_as_they_are_written_from_both_streams) {
  Strings lines;
  ProcessSpec spec = shell(
      "echo one; sleep 0.05; echo two >&2; sleep 0.05; printf '10%%\\r20%%\\r\\nlast'; exit 0");
  spec.on_output = [&lines](std::string_view line) { lines.emplace_back(line); };
  ASSERT_TRUE(run(spec));
  EXPECT_EQ(lines, (Strings{"one", "two", "10%", "20%", "last"}));
}

TEST(process, a_line_is_given_while_the_child_still_runs) {
  const Pipe gate = *make_pipe();
  const std::string path =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(gate.read_end.get());
  ProcessSpec spec = shell("echo ready; read -r line < " + path + "; exit 5");
  spec.on_output = [&gate](std::string_view line) {
    if (line == "ready") {
      EXPECT_EQ(::write(gate.write_end.get(), "go\n", 3), 3);
    }
  };
  EXPECT_EQ(run(spec)->status, 5);
}

TEST(line_splitter, puts_pieces_together) {
  struct Case {
    Strings pieces;
    Strings lines;
  };
  for (const auto& [pieces, lines] : std::vector<Case>{{{"a\nb\n"}, {"a", "b"}},
                                                       {{"a", "b", "\n"}, {"ab"}},
                                                       {{"a\r", "\nb"}, {"a", "b"}},
                                                       {{"a\n\nb\n"}, {"a", "", "b"}},
                                                       {{"\r1%\r2%\r"}, {"1%", "2%"}},
                                                       {{"a\r\n\r\nb"}, {"a", "b"}},
                                                       {{""}, {}}}) {
    Strings got;
    LineSplitter splitter([&got](std::string_view line) { got.emplace_back(line); });
    for (const std::string& piece : pieces) splitter.add(piece);
    splitter.finish();
    EXPECT_EQ(got, lines) << join(pieces, "|");
  }
}

TEST(line_splitter, a_line_without_end_is_given_in_parts) {
  std::size_t longest = 0;
  std::size_t sum = 0;
  LineSplitter splitter([&](std::string_view line) {
    longest = std::max(longest, line.size());
    sum += line.size();
  });
  for (int i = 0; i < 100; ++i) splitter.add(std::string(10'000, 'x'));
  splitter.finish();
  EXPECT_LT(longest, 100'000U);
  EXPECT_EQ(sum, 1'000'000U);
}

TEST(process, a_grandchild_that_keeps_the_pipes_does_not_hold_us_up) {
  const Instant start = SystemClock().now();
  const auto result = run(shell("sleep 300 & echo $!"));
  ASSERT_TRUE(result);
  EXPECT_LT(SystemClock().now() - start, std::chrono::seconds(30));
  ::kill(std::stoi(result->output), SIGKILL);
}

TEST(process, a_grandchild_that_writes_for_ever_does_not_hold_us_up) {
  const auto result = run(shell("yes & echo $! >&2"));
  ASSERT_TRUE(result);
  ::kill(std::stoi(result->error), SIGKILL);
}

TEST(process, the_deadline_ends_the_whole_group) {
  const Pipe gate = *make_pipe();
  const auto result =
      SystemProcesses().run(shell("sleep 300 & echo $!; wait"), Wait::at_most(Milliseconds(200)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::timed_out);
  EXPECT_EQ(result.error().trace.front(), "while running sh");
}

TEST(process, who_ignores_the_request_to_end_is_killed_after_two_seconds) {
  std::string pid;
  ProcessSpec spec = shell("trap '' TERM; echo $$; while :; do sleep 0.05; done");
  Interrupt interrupt;
  spec.on_output = [&](std::string_view line) {
    pid = line;
    interrupt.raise();
  };
  const Instant start = SystemClock().now();
  const auto result = SystemProcesses().run(spec, Wait::at_most(patience, &interrupt));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::interrupted);
  EXPECT_EQ(result.error().exit, Exit::interrupted);
  EXPECT_GE(SystemClock().now() - start, Milliseconds(1900));
  EXPECT_EQ(start_ticks(std::stoi(pid)), std::nullopt);
}

TEST(process, who_ends_when_asked_is_not_waited_for_longer) {
  Interrupt interrupt;
  ProcessSpec spec = shell("echo up; sleep 300");
  spec.on_output = [&](std::string_view) { interrupt.raise(); };
  const Instant start = SystemClock().now();
  EXPECT_FALSE(SystemProcesses().run(spec, Wait::at_most(patience, &interrupt)));
  EXPECT_LT(SystemClock().now() - start, Milliseconds(1900));
}

TEST(process, a_stopped_child_ends_too) {
  Interrupt interrupt;
  ProcessSpec spec = shell("echo up; kill -STOP $$");
  spec.on_output = [&](std::string_view) { interrupt.raise(); };
  EXPECT_EQ(SystemProcesses().run(spec, Wait::at_most(patience, &interrupt)).error().reason,
            Reason::interrupted);
}

TEST(process, a_child_starts_with_default_signals) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto result = run({.argv = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"},
                           .environment = plain,
                           .folder = {},
                           .input = {},
                           .terminal = false,
                           .on_output = {}});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ASSERT_TRUE(result);
  for (const std::string& line : lines_of(result->output)) {
    // without 32 and 33, which the C library keeps for itself
    EXPECT_EQ(std::stoull(line.substr(line.find('\t')), nullptr, 16) & 0x7FFFFFFFU, 0U) << line;
  }
}

TEST(process, a_program_that_does_not_exist_is_named) {
  ProcessSpec spec = shell("");
  spec.argv = {"no-such-program", "secret-argument"};
  const auto result = run(spec);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::not_found);
  EXPECT_EQ(result.error().what, "cannot start no-such-program");
  EXPECT_FALSE((result.error().why + result.error().hint).contains("secret"));
}

TEST(process, what_cannot_start_says_why) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder.path() / "not-executable", "#!/bin/sh\n", 0600));
  ASSERT_TRUE(write_file(folder.path() / "no-format", "\x01\x02garbage", 0700));
  ASSERT_TRUE(write_file(folder.path() / "moved", "#!/no/such/python\n", 0700));
  struct Case {
    std::string name;
    Reason reason;
    std::string why;
  };
  for (const auto& [name, reason, why] :
       std::vector<Case>{{"not-executable", Reason::refused, "is not executable"},
                         {"no-format", Reason::refused, "no program for this computer"},
                         {"moved", Reason::not_found, "interpreter"},
                         {"absent", Reason::not_found, "no such program"}}) {
    ProcessSpec spec = shell("");
    spec.argv = {(folder.path() / name).string()};
    const auto result = run(spec);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().reason, reason) << name;
    EXPECT_TRUE(result.error().why.contains(why)) << result.error().why;
  }
}

TEST(process, a_bad_spec_is_an_error) {
  ProcessSpec nameless = shell("");
  nameless.argv = {};
  ProcessSpec zero = shell(std::string("echo a\0b", 8));
  ProcessSpec variable = shell("");
  variable.environment["A=B"] = "";
  ProcessSpec folder = shell("");
  folder.folder = "/no/such/folder";
  for (const ProcessSpec& spec : {nameless, zero, variable, folder}) EXPECT_FALSE(run(spec));
}

TEST(process, too_many_arguments_are_an_error) {
  const std::size_t too_long = std::size_t{10} << 20U;
  std::string script;
  script.resize(too_long, ' ');
  ProcessSpec spec = shell(std::move(script));
  EXPECT_EQ(run(spec).error().why, "Argument list too long");
}

TEST(process, who_takes_the_bytes_says_when_it_is_enough) {
  std::string output;
  std::string error;
  ProcessSpec spec;
  spec.argv = {"sh", "-c", "printf err >&2; printf 'a\\r\\0b'; exec sleep 600"};
  spec.environment = this_environment();
  spec.on_output = [](std::string_view line) { ADD_FAILURE() << line; };
  spec.on_bytes = [&](Stream stream, std::string_view bytes) {
    (stream == Stream::output ? output : error) += bytes;
    return output.size() < 4 || error.size() < 3;
  };
  SystemProcesses processes;
  const auto result = processes.run(spec, Wait::at_most(std::chrono::seconds(60)));
  ASSERT_TRUE(result);
  EXPECT_EQ(output, std::string("a\r\0b", 4));
  EXPECT_EQ(error, "err");
  EXPECT_EQ(result->output + result->error, "");
  EXPECT_EQ(result->status, 128 + SIGTERM);
}

TEST(process, with_the_terminal_it_shares_our_group_and_our_keys_are_ignored_meanwhile) {
  ::signal(SIGINT, SIG_DFL);
  // the child sends Ctrl-C's signal to us; were it not ignored, this test would end here
  ProcessSpec spec =
      shell("kill -INT " + std::to_string(::getpid()) +
            "; [ $(ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat) = " +
            std::to_string(::getpgrp()) + " ] && exit 9");
  spec.terminal = true;
  const auto result = run(spec);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 9);
  struct sigaction now{};
  ::sigaction(SIGINT, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace carrel
