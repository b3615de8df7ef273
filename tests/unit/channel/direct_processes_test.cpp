#include "base/error.hpp"
#include "channel/direct.hpp"
#include "fakes/fake_processes.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

constexpr std::string_view mark = "CARREL_TEST_MARK";

std::string own_value(std::string_view what) {
  return fmt::format("{}-{}", what, ::getpid());
}

// /bin/sh with a script and one variable; ready when the script has written a line.
class Script {
 public:
  Script(const std::string& script, const std::string& variable) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const std::string path = "PATH=/usr/bin:/bin";
    std::vector<char*> environment = {const_cast<char*>(path.c_str())};
    if (!variable.empty()) environment.push_back(const_cast<char*>(variable.c_str()));
    environment.push_back(nullptr);
    std::array<std::string, 3> words = {"sh", "-c", script};
    std::array<char*, 4> argv = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setsid();
      ::dup2(ends[1], 1);
      ::execve("/bin/sh", argv.data(), environment.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    for (char byte = 0; byte != '\n' && ::read(ends[0], &byte, 1) == 1;) line_ += byte;
    ::close(ends[0]);
    id_ = {.pid = pid_, .start_ticks = start_ticks(pid_).value_or(0), .boot_id = boot_id()};
  }
  ~Script() {
    ::kill(-pid_, SIGKILL);
    reap();
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  Script(Script&&) = delete;
  Script& operator=(Script&&) = delete;

  const ProcessId& id() const { return id_; }
  ProcessId printed() const {  // the process whose number it has written
    const auto pid = static_cast<pid_t>(std::stol(line_));
    return {.pid = pid, .start_ticks = start_ticks(pid).value_or(0), .boot_id = boot_id()};
  }
  int reap() {  // its wait status; once
    int status = -1;
    if (!std::exchange(reaped_, true)) ::waitpid(pid_, &status, 0);
    return status;
  }

 private:
  pid_t pid_ = 0;
  std::string line_;
  ProcessId id_;
  bool reaped_ = false;
};

class DirectProcesses : public ::testing::Test {
 protected:
  FakeProcesses processes;
  DirectChannel channel{processes, {}};
};

TEST_F(DirectProcesses, knows_a_process_by_more_than_its_number) {
  Script script("echo ready; exec sleep 600", "");
  EXPECT_EQ(channel.alive(script.id(), Wait{}), true);
  auto later = script.id();
  ++later.start_ticks;
  EXPECT_EQ(channel.alive(later, Wait{}), false);
  auto before_the_reboot = script.id();
  before_the_reboot.boot_id = "another boot";
  EXPECT_EQ(channel.alive(before_the_reboot, Wait{}), false);
  for (const auto& other : {later, before_the_reboot}) {
    EXPECT_TRUE(channel.end(other, mark, own_value("nobody"), Milliseconds(0), Wait{}));
  }
  EXPECT_EQ(channel.alive(script.id(), Wait{}), true) << "a reused number is never killed";
}

TEST_F(DirectProcesses, asks_a_process_to_end_before_it_kills) {
  Script script("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", "");
  ASSERT_TRUE(channel.end(script.id(), mark, own_value("polite"), Milliseconds(20'000), Wait{}));
  const int status = script.reap();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

// The server's supervisor does not carry the mark of its children.
TEST_F(DirectProcesses, kills_what_does_not_end_when_asked_also_without_the_mark) {
  Script script("trap '' TERM; echo ready; while :; do sleep 0.01; done", "");
  ASSERT_TRUE(channel.end(script.id(), mark, own_value("deaf"), Milliseconds(30), Wait{}));
  const int status = script.reap();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(DirectProcesses, kills_what_carries_the_mark_and_its_descendants_without_it) {
  const auto value = own_value("family");
  Script marked("trap '' TERM HUP; env -i sleep 600 & echo $!; wait",
                fmt::format("{}={}", mark, value));
  Script other("echo ready; exec sleep 600", fmt::format("{}={}2", mark, value));
  const auto child = marked.printed();
  ASSERT_EQ(channel.alive(child, Wait{}), true);
  ASSERT_TRUE(channel.end(std::nullopt, mark, value, Milliseconds(0), Wait{}));
  EXPECT_EQ(channel.alive(marked.id(), Wait{}), false);
  EXPECT_EQ(channel.alive(child, Wait{}), false);
  EXPECT_EQ(channel.alive(other.id(), Wait{}), true) << "another mark that begins like it";
}

TEST_F(DirectProcesses, finds_nothing_left_to_end_the_second_time) {
  const auto value = own_value("twice");
  Script script("echo ready; exec sleep 600", fmt::format("{}={}", mark, value));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(channel.end(script.id(), mark, value, Milliseconds(5000), Wait{}));
    EXPECT_EQ(channel.alive(script.id(), Wait{}), false);
  }
}

TEST_F(DirectProcesses, stops_waiting_politely_at_ctrl_c) {
  Script script("trap '' TERM; echo ready; while :; do sleep 0.01; done", "");
  Interrupt interrupt;
  interrupt.raise();
  const auto ended = channel.end(script.id(), mark, own_value("ctrl-c"), Milliseconds(60'000),
                                 Wait{.deadline = std::nullopt, .interrupt = &interrupt});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, Reason::interrupted);
}

TEST_F(DirectProcesses, tells_folders_from_files_and_removes_either) {
  const TemporaryFolder folder;
  const auto inside = folder.path() / "a" / "b";
  std::filesystem::create_directories(inside);
  ASSERT_TRUE(write_file(inside / "file", "x", 0400));
  EXPECT_EQ(channel.is_folder(inside, Wait{}), true);
  EXPECT_EQ(channel.is_folder(inside / "file", Wait{}), false);
  EXPECT_EQ(channel.is_folder(folder.path() / "nothing", Wait{}), false);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(channel.remove(folder.path() / "a", Wait{}));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a"));
}

}  // namespace
}  // namespace carrel
