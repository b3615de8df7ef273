#include "os/companion.hpp"

#include "base/error.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <optional>
#include <poll.h>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace carrel {
namespace {

Wait patience() {
  return Wait::at_most(std::chrono::seconds(30));
}

ProcessSpec shell(const std::string& script) {
  return {.argv = {"sh", "-c", script}, .environment = this_environment()};
}

// Until `end` has come, or the stream has ended.
std::string heard_from(Companion& companion, Stream stream, const std::string& end) {
  std::string heard;
  while (!heard.contains(end) && wait_for(companion.descriptor(stream), POLLIN, patience())) {
    const auto text = companion.read_some(stream);
    if (!text) return heard + "(end)";
    heard += *text;
  }
  return heard;
}

TEST(Companion, is_talked_to_while_it_runs) {
  auto cat = Companion::start(shell("echo ready >&2; exec cat"));
  ASSERT_TRUE(cat) << cat.error().why;
  EXPECT_EQ(heard_from(*cat, Stream::error, "\n"), "ready\n");
  EXPECT_EQ(cat->read_some(Stream::output), "") << "nothing is there, and nobody waits";
  for (const std::string line : {"one\n", "two\n"}) {
    EXPECT_TRUE(cat->write(line));
    EXPECT_EQ(heard_from(*cat, Stream::output, "\n"), line);
  }
}

TEST(Companion, tells_its_end) {
  auto ended = Companion::start(shell("echo last; exit 3"));
  ASSERT_TRUE(ended);
  EXPECT_EQ(heard_from(*ended, Stream::output, "(never)"), "last\n(end)");
  EXPECT_LT(ended->descriptor(Stream::output), 0);
  // the kernel closes a dead program's streams in no certain order
  const auto until = SystemClock().now() + std::chrono::seconds(30);
  while (ended->write("is there anybody?\n") && SystemClock().now() < until) {
    (void)wait_for(-1, 0, Wait::at_most(Milliseconds(1)));
  }
  EXPECT_FALSE(ended->write("is there anybody?\n"));
}

TEST(Companion, goes_with_the_object_and_takes_its_children_along) {
  std::optional<ProcessId> child;
  {
    auto companion = Companion::start(shell("sleep 600 & echo $!; wait"));
    ASSERT_TRUE(companion);
    const pid_t pid = std::stoi(heard_from(*companion, Stream::output, "\n"));
    child = ProcessId{.pid = pid, .start_ticks = *start_ticks(pid), .boot_id = boot_id()};
    auto moved = std::move(*companion);
    EXPECT_TRUE(is_alive(*child));
  }
  EXPECT_TRUE(wait_until_gone(*child, patience()));
}

TEST(Companion, that_does_not_exist_is_an_error) {
  const auto missing = Companion::start({.argv = {"no-such-program"}, .environment = {}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, Reason::not_found);
}

TEST(StartApart, gives_a_program_its_own_session_folder_and_log) {
  const TemporaryFolder folder;
  const auto log = folder.path() / "log";
  const auto pid = start_apart(
      shell("pwd; readlink /proc/self/fd/0; ps -o sid= -p $$; echo error >&2; echo done"), log);
  ASSERT_TRUE(pid) << pid.error().why;
  const auto until = SystemClock().now() + std::chrono::seconds(30);
  while (!read_file(log).value_or("").contains("done") && SystemClock().now() < until) {
    (void)wait_for(-1, 0, Wait::at_most(Milliseconds(5)));
  }
  const std::string said = *read_file(log);
  EXPECT_TRUE(said.starts_with("/\n/dev/null\n")) << said;
  EXPECT_TRUE(said.contains(std::to_string(*pid) + "\nerror\ndone\n")) << said;
}

}  // namespace
}  // namespace carrel
