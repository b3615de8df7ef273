#include "base/text.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/process_detail.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
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

TEST(find_program, looks_in_the_absolute_folders_of_the_path) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder.path() / "tool", "", 0700));
  ASSERT_TRUE(make_folder(folder.path() / "folder-named" / "tool"));
  const std::string here = folder.path().string();
  EXPECT_EQ(find_program("tool", {{"PATH", "/no:" + here + "/folder-named:" + here}}),
            folder.path() / "tool");
  EXPECT_EQ(find_program("tool", {{"PATH", "/usr/bin::."}}), std::nullopt);
  EXPECT_EQ(find_program("", {{"PATH", here}}), std::nullopt);
  EXPECT_TRUE(find_program("sh", {}));
}

class Sleeper {
 public:
  explicit Sleeper(const std::string& mark, const std::string& script = "exec sleep 300") {
    ProcessSpec spec = shell(script);
    spec.environment["CARREL_TEST_MARK"] = mark;
    child_ = std::move(*spawn(spec));
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  Sleeper(Sleeper&&) = delete;
  Sleeper& operator=(Sleeper&&) = delete;
  ~Sleeper() {
    ::kill(-child_.pid, SIGKILL);
    reap();
  }
  void reap() {
    if (!reaped_) ::waitpid(child_.pid, nullptr, 0);
    reaped_ = true;
  }
  int output() const { return child_.output.get(); }
  ProcessId id() const { return {child_.pid, start_ticks(child_.pid).value_or(0), boot_id()}; }

 private:
  Child child_;
  bool reaped_ = false;
};

// The number in the line that a Sleeper writes; 0 when none comes.
pid_t pid_from(int output) {
  std::string line;
  for (char c = 0; c != '\n';) {
    if (!wait_for(output, POLLIN, Wait::at_most(patience)) || ::read(output, &c, 1) != 1) return 0;
    line += c;
  }
  return static_cast<pid_t>(std::strtol(line.c_str(), nullptr, 10));
}

TEST(process_id, is_alive_only_with_its_own_start_and_boot) {
  const Sleeper sleeper("x");
  const ProcessId id = sleeper.id();
  EXPECT_FALSE(id.boot_id.empty());
  EXPECT_TRUE(is_alive(id));
  ProcessId another = id;
  another.start_ticks += 1;
  EXPECT_FALSE(is_alive(another));
  another = id;
  another.boot_id = "another";
  EXPECT_FALSE(is_alive(another));
  EXPECT_FALSE(is_alive({}));
  EXPECT_FALSE(signal_process(another, SIGKILL));
  EXPECT_TRUE(is_alive(id));
}

TEST(process_id, is_signalled_waited_for_and_a_zombie_counts_as_gone) {
  const Sleeper sleeper("x");
  const ProcessId id = sleeper.id();
  EXPECT_EQ(wait_until_gone(id, Wait::at_most(Milliseconds(20))).error().reason, Reason::timed_out);
  Interrupt interrupt;
  interrupt.raise();
  EXPECT_EQ(wait_until_gone(id, Wait::at_most(patience, &interrupt)).error().reason,
            Reason::interrupted);
  EXPECT_TRUE(signal_process(id, SIGKILL));
  EXPECT_TRUE(wait_until_gone(id, Wait::at_most(patience)));
  EXPECT_FALSE(is_alive(id));
  EXPECT_FALSE(signal_process(id, SIGKILL));
  EXPECT_TRUE(wait_until_gone(id, {}));
}

TEST(process_id, stat_is_read_whatever_the_program_calls_itself) {
  const std::string rest =
      " S 17 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654321 1 1 1844674407370955161 0";
  for (const std::string comm : {"sh", "a b", "x) S 1 (y", ") R 9 9", "()", ""}) {
    const auto stat = parse_stat(join({"42 (", comm, ")", rest}, ""));
    ASSERT_TRUE(stat) << comm;
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 17);
    EXPECT_EQ(stat->start_ticks, 987654321U);
  }
  for (const std::string bad : {"", "42", "42 (a", "42 (a)", "42 (a) S 1", "42 (a) S x 1 1 1"}) {
    EXPECT_FALSE(parse_stat(bad)) << bad;
  }
  EXPECT_FALSE(parse_stat("1 (a) S -99999999999 1 1 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 -5 1"));
}

TEST(processes_with, finds_those_marked_and_their_unmarked_descendants) {
  const std::string mark = "carrel test " + std::to_string(::getpid());
  const Sleeper marked(mark, "env -i sh -c 'echo $$; exec sleep 300'; :");
  const Sleeper other(mark + "0");
  const auto child = pid_from(marked.output());
  std::vector<pid_t> found;
  for (const ProcessId& id : processes_with("CARREL_TEST_MARK", mark)) {
    EXPECT_TRUE(is_alive(id));
    found.push_back(id.pid);
  }
  std::ranges::sort(found);
  std::vector<pid_t> expected = {marked.id().pid, child};
  std::ranges::sort(expected);
  EXPECT_EQ(found, expected);
  EXPECT_TRUE(processes_with("CARREL_TEST_MARK", "nobody").empty());
}

TEST(processes_with, leaves_alone_what_carries_another_mark_and_what_is_below_that) {
  const std::string mark = "carrel test another " + std::to_string(::getpid());
  // marked → one with another mark → its child, whose environment is empty
  const Sleeper marked(mark, "CARREL_TEST_MARK=other sh -c 'env -i sleep 300 & echo $!; wait'; :");
  const auto below = pid_from(marked.output());
  ASSERT_GT(below, 0);
  std::vector<pid_t> found;
  for (const ProcessId& id : processes_with("CARREL_TEST_MARK", mark)) found.push_back(id.pid);
  EXPECT_EQ(found, std::vector<pid_t>{marked.id().pid});
}

TEST(this_environment, has_what_the_process_has) {
  ::setenv("CARREL_TEST_VARIABLE", "a=b", 1);
  const Environment environment = this_environment();
  ::unsetenv("CARREL_TEST_VARIABLE");
  EXPECT_EQ(environment.at("CARREL_TEST_VARIABLE"), "a=b");
}

}  // namespace
}  // namespace carrel
