#include "channel/direct.hpp"

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "fakes/fake_processes.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/process_detail.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

Command command(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  return command;
}

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777U;
}

TEST(direct_channel, hands_the_command_on_and_its_failure_is_a_result) {
  FakeProcesses processes;
  processes.when({"git"}, ProcessResult{.status = 128, .output = "", .error = "fatal: no\n"});
  DirectChannel channel(processes, {});
  std::vector<std::string> lines;
  Command git = command({"git", "clone", "x"});
  git.folder = "/srv";
  git.input = "in";
  git.terminal = false;
  git.on_output = [&lines](std::string_view line) { lines.emplace_back(line); };
  const auto result = channel.run(git, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 128);
  EXPECT_EQ(lines, std::vector<std::string>{"fatal: no"});
  const ProcessSpec& call = processes.calls().at(0);
  EXPECT_EQ(call.argv, git.argv);
  EXPECT_EQ(call.folder, "/srv");
  EXPECT_EQ(call.input, "in");
}

TEST(direct_channel, takes_variables_away_before_it_adds) {
  FakeProcesses processes;
  processes.when({"uv"}, ProcessResult{});
  DirectChannel channel(processes, {{"PATH", "/bin"},
                                    {"CONDA_PREFIX", "/c"},
                                    {"CONDA_EXE", "/c/conda"},
                                    {"CONDA", "stays"},
                                    {"PYTHONPATH", "/p"}});
  Command uv = command({"uv"});
  uv.without = {"CONDA_*", "PYTHONPATH", "ABSENT"};
  uv.environment = {{"PATH", "/new"}, {"CONDA_EXE", "ours"}};
  ASSERT_TRUE(channel.run(uv, {}));
  EXPECT_EQ(processes.calls().at(0).environment,
            (Environment{{"PATH", "/new"}, {"CONDA_EXE", "ours"}, {"CONDA", "stays"}}));
}

class Putting : public testing::Test {
 protected:
  const fs::path& root() const { return folder_.path(); }
  DirectChannel& channel() { return channel_; }

 private:
  TemporaryFolder folder_;
  FakeProcesses processes_;
  DirectChannel channel_{processes_, {}};
};

TEST_F(Putting, writes_files_with_their_modes_in_folders_of_our_own) {
  ASSERT_TRUE(channel().put(root() / "a" / "b",
                            {{.path = "run.sh", .bytes = "#!", .mode = 0700},
                             {.path = "deep/er/data", .bytes = "\xff", .mode = 0644}},
                            {}));
  EXPECT_EQ(mode_of(root() / "a/b/run.sh"), 0700U);
  EXPECT_EQ(mode_of(root() / "a/b/deep/er/data"), 0644U);
  for (const char* made : {"a", "a/b", "a/b/deep", "a/b/deep/er"}) {
    EXPECT_EQ(mode_of(root() / made), 0700U) << made;
  }
  EXPECT_EQ(channel().get(root() / "a/b/deep/er/data", {}), "\xff");
}

TEST_F(Putting, leaves_folders_that_exist_as_they_are) {
  ASSERT_TRUE(make_folder(root() / "shared"));
  fs::permissions(root() / "shared", fs::perms(0755));
  ASSERT_TRUE(channel().put(root() / "shared", {{.path = "f", .bytes = "", .mode = 0600}}, {}));
  EXPECT_EQ(mode_of(root() / "shared"), 0755U);
}

TEST_F(Putting, writes_nothing_when_one_path_leads_outside) {
  for (const char* bad : {"../f", "a/../../f", "/etc/f", "", "folder/"}) {
    EXPECT_FALSE(channel().put(
        root(),
        {{.path = "good", .bytes = "", .mode = 0600}, {.path = bad, .bytes = "", .mode = 0600}},
        {}))
        << bad;
  }
  EXPECT_FALSE(channel().put("relative", {}, {}));
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(Putting, stops_between_files_when_interrupted) {
  Interrupt interrupt;
  interrupt.raise();
  const auto put = channel().put(root(), {{.path = "f", .bytes = "", .mode = 0600}},
                                 {.deadline = {}, .interrupt = &interrupt});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().reason, Reason::interrupted);
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(Putting, a_file_that_does_not_exist_is_not_found) {
  EXPECT_EQ(channel().get(root() / "no", {}).error().reason, Reason::not_found);
}

TEST_F(Putting, a_socket_here_needs_no_forwarding) {
  EXPECT_EQ(std::get<fs::path>(*channel().forward("/run/s", {})), "/run/s");
}

TEST_F(Putting, tells_folders_from_everything_else) {
  ASSERT_TRUE(write_file(root() / "file", "", 0600));
  fs::create_directory_symlink(root(), root() / "link");
  EXPECT_EQ(*channel().is_folder(root(), {}), true);
  EXPECT_EQ(*channel().is_folder(root() / "link", {}), true);
  EXPECT_EQ(*channel().is_folder(root() / "file", {}), false);
  EXPECT_EQ(*channel().is_folder(root() / "no", {}), false);
  EXPECT_EQ(*channel().is_folder(root() / "file" / "below", {}), false);
}

TEST_F(Putting, removes_a_tree_and_what_is_missing_is_done) {
  ASSERT_TRUE(make_folder(root() / "t" / "u"));
  EXPECT_TRUE(channel().remove(root() / "t", {}));
  EXPECT_TRUE(channel().remove(root() / "t", {}));
  EXPECT_TRUE(fs::is_empty(root()));
}

// A marked process with a child that has lost the mark; reaped by the test.
class Marked {
 public:
  explicit Marked(const std::string& traps) {
    mark_ = "carrel test " + std::to_string(::getpid());
    ProcessSpec spec;
    spec.argv = {"sh", "-c",
                 traps + "env -i sh -c 'echo $$; exec sleep 300' & while :; do sleep 0.05; done"};
    spec.environment = {{"PATH", "/usr/bin:/bin"}, {"CARREL_TEST_MARK", mark_}};
    child_ = std::move(*spawn(spec));
    parent_ = {child_.pid, start_ticks(child_.pid).value_or(0), boot_id()};
    std::string line;
    for (char c = 0; c != '\n'; line += c) {
      if (!wait_for(child_.output.get(), POLLIN, Wait::at_most(std::chrono::seconds(60)))) break;
      if (::read(child_.output.get(), &c, 1) != 1) break;
    }
    const pid_t pid = std::stoi(line);
    below_ = {pid, start_ticks(pid).value_or(0), boot_id()};
  }
  Marked(const Marked&) = delete;
  Marked& operator=(const Marked&) = delete;
  Marked(Marked&&) = delete;
  Marked& operator=(Marked&&) = delete;
  ~Marked() {
    ::kill(-child_.pid, SIGKILL);
    ::waitpid(child_.pid, nullptr, 0);
  }
  const std::string& mark() const { return mark_; }
  const ProcessId& parent() const { return parent_; }
  const ProcessId& below() const { return below_; }

 private:
  std::string mark_;
  Child child_;
  ProcessId parent_;
  ProcessId below_;
};

TEST(direct_channel, ends_a_process_that_ignores_it) {
  FakeProcesses processes;
  DirectChannel channel(processes, {});
  const Marked marked("trap '' TERM; ");
  ASSERT_EQ(*channel.alive(marked.parent(), {}), true);
  ASSERT_TRUE(channel.end(marked.parent(), "CARREL_TEST_MARK", marked.mark(), Milliseconds(50),
                          Wait::at_most(std::chrono::seconds(60))));
  EXPECT_EQ(*channel.alive(marked.parent(), {}), false);
}

TEST(direct_channel, ends_what_is_marked_when_the_process_is_not_known) {
  FakeProcesses processes;
  DirectChannel channel(processes, {});
  const Marked marked("");
  ASSERT_TRUE(channel.end(std::nullopt, "CARREL_TEST_MARK", marked.mark(), Milliseconds(0),
                          Wait::at_most(std::chrono::seconds(60))));
  EXPECT_EQ(*channel.alive(marked.parent(), {}), false);
  EXPECT_EQ(*channel.alive(marked.below(), {}), false);
}

TEST(direct_channel, ends_a_process_that_ignores_it_and_its_unmarked_children) {
  FakeProcesses processes;
  DirectChannel channel(processes, {});
  const Marked marked("trap '' TERM; ");
  ASSERT_EQ(*channel.alive(marked.parent(), {}), true);
  ASSERT_TRUE(channel.end(marked.parent(), "CARREL_TEST_MARK", marked.mark(), Milliseconds(50),
                          Wait::at_most(std::chrono::seconds(60))));
  EXPECT_EQ(*channel.alive(marked.parent(), {}), false);
  EXPECT_EQ(*channel.alive(marked.below(), {}), false);
}

}  // namespace
}  // namespace carrel
