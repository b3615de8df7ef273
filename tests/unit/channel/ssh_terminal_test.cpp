// Commands that have the person's terminal, over a real sshd.
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "os/file.hpp"
#include "ssh_fixture.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <pty.h>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

namespace carrel {
namespace {

// Runs it as a child whose terminal is a new one; returns what that showed, and its status.
std::pair<std::string, int> on_a_terminal(const auto& body, std::string_view typed) {
  int screen = -1;
  const pid_t pid = ::forkpty(&screen, nullptr, nullptr, nullptr);
  if (pid == 0) ::_exit(body());
  std::string shown;
  std::array<char, 4096> buffer{};
  bool has_typed = false;
  for (ssize_t got = 0; (got = ::read(screen, buffer.data(), buffer.size())) > 0;) {
    shown.append(buffer.data(), static_cast<std::size_t>(got));
    if (!has_typed && shown.contains("ready")) {
      has_typed = true;
      EXPECT_EQ(::write(screen, typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
    }
  }
  ::close(screen);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {shown, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

class SshTerminal : public Ssh {
 protected:
  void SetUp() override {
    const auto mounts = read_file("/proc/mounts");
    for (const auto& mount : lines_of(mounts.value_or(""))) {
      if (mount.starts_with("devpts /dev/pts ") && !mount.contains("gid=5") && ::geteuid() != 0) {
        GTEST_SKIP() << "where devpts has no gid=5, only root's sshd has terminals";
      }
    }
  }
  std::pair<std::string, int> run(const std::string& script, std::string_view typed) {
    Command command = shell(script);
    command.terminal = true;
    command.environment = {{"A", "it's"}};
    command.folder = sshd.file(".");
    return on_a_terminal(
        [&] {
          const auto result = open(sshd.target())->run(command, patience());
          return result ? result->status : 99;
        },
        typed);
  }
};

TEST_F(SshTerminal, gives_the_command_a_terminal_there) {
  const auto [shown, status] =
      run("test -t 0 && test -t 1 && test -f person && echo \"$A ready\"; read -r line; "
          "echo \"<$line>\"; exit 7",
          "hello\n");
  EXPECT_TRUE(shown.contains("it's ready\r\n")) << shown;
  EXPECT_TRUE(shown.contains("<hello>\r\n")) << shown;
  EXPECT_EQ(status, 7);
}

TEST_F(SshTerminal, gives_ctrl_c_to_the_command_there) {
  EXPECT_EQ(run("trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done", "\x03").second, 9);
  EXPECT_EQ(run("echo ready; exec sleep 600", "\x03").second, 128 + SIGINT);
}

TEST_F(SshTerminal, tells_a_connection_that_breaks_from_a_command_that_failed) {
  // the shell's parent serves the connection
  EXPECT_EQ(run("echo ready; kill -9 $(ps -o ppid= $PPID); sleep 600", "").second, 99);
}

TEST_F(SshTerminal, keeps_a_status_of_255) {
  EXPECT_EQ(run("echo ready; exit 255", "").second, 255);
}

}  // namespace
}  // namespace carrel
