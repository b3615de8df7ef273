// What is said to ssh and made of its words, without any sshd.
#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_error.hpp"
#include "channel/ssh_session.hpp"
#include "channel/ssh_target.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

constexpr std::string_view nonce = "0123456789abcdef";

SshTarget machine() {
  SshTarget target;
  target.host = "10.0.0.7";
  target.user = "ubuntu";
  target.identity = "/home/me/key of mine";
  target.known_hosts = "/home/me/100%/known";
  target.folder = "/run/user/1/carrel";
  return target;
}

TEST(SshError, tells_from_sshs_own_words_what_went_wrong) {
  struct Case {
    std::string_view words;
    Reason reason;
  };
  const std::vector<Case> cases = {
      {"ubuntu@10.0.0.7: Permission denied (publickey).\r\n", Reason::refused},
      {"ubuntu@10.0.0.7: Permission denied (publickey,password).", Reason::refused},
      {"Received disconnect from 10.0.0.7 port 22:2: Too many authentication failures\n"
       "Disconnected from 10.0.0.7 port 22",
       Reason::refused},
      {"No ED25519 host key is known for 10.0.0.7 and you have requested strict checking.\r\n"
       "Host key verification failed.\r\n",
       Reason::unverified},
      {"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
       "Offending ED25519 key in /k:1\nHost key verification failed.\r\n",
       Reason::unverified},
      {"ssh: connect to host 10.0.0.7 port 22: Connection refused", Reason::unreachable},
      {"ssh: connect to host 10.0.0.7 port 22: Connection timed out", Reason::unreachable},
      {"ssh: connect to host 10.0.0.7 port 22: No route to host", Reason::unreachable},
      {"ssh: connect to host 10.0.0.7 port 22: Permission denied", Reason::unreachable},
      {"ssh: Could not resolve hostname desk: Name or service not known", Reason::unreachable},
      {"kex_exchange_identification: Connection closed by remote host", Reason::unreachable},
      {"Connection timed out during banner exchange", Reason::unreachable},
      {"Timeout, server 10.0.0.7 not responding.", Reason::unreachable},
      {"", Reason::unreachable},
      {"/c: line 3: Bad configuration option: updatehostkeys\n/c: terminating, 1 bad "
       "configuration options",
       Reason::other},
      {"Bad owner or permissions on /home/me/.ssh/config", Reason::other},
      {"unix_listener: path \"/x\" too long for Unix domain socket", Reason::other},
  };
  for (const auto& [words, reason] : cases) {
    const Error error = ssh_error(machine(), words);
    EXPECT_EQ(error.reason, reason) << words;
    EXPECT_FALSE(error.what.empty() || error.hint.empty()) << words;
    EXPECT_EQ(error.why.empty(), words.empty());
  }
}

TEST(SshError, hands_no_escape_sequence_on) {
  EXPECT_EQ(ssh_error(machine(), "\x1b[2Jgone").why, "^[[2Jgone");
}

TEST(MachineError, finds_the_errors_number_in_a_programs_words) {
  EXPECT_EQ(machine_error("x", "cat: /a: No such file or directory\n").reason, Reason::not_found);
  EXPECT_EQ(machine_error("x", "head: write error: No space left on device").reason,
            Reason::no_space);
  EXPECT_EQ(machine_error("x", "cp: /a: Disk quota exceeded").reason, Reason::no_space);
  const Error other = machine_error("x", "it is raining");
  EXPECT_EQ(other.reason, Reason::other);
  EXPECT_EQ(other.why, "it is raining");
}

TEST(SshConfig, verifies_always_and_asks_nothing) {
  const auto config = ssh_config(machine(), "/s");
  ASSERT_TRUE(config);
  for (const char* line :
       {"Host 10.0.0.7\n", "BatchMode yes\n", "StrictHostKeyChecking yes\n", "Port 22\n",
        "User ubuntu\n", "IdentityFile \"/home/me/key of mine\"\n", "IdentitiesOnly yes\n",
        "UserKnownHostsFile \"/home/me/100%%/known\"\n", "GlobalKnownHostsFile /dev/null\n",
        "ControlPath \"/s/master\"\n", "ServerAliveInterval 5\n"}) {
    EXPECT_TRUE(config->contains(line)) << line << *config;
  }
}

TEST(SshConfig, puts_a_persons_own_last_so_that_ours_wins) {
  auto target = machine();
  target.config = "/home/me/.ssh/config";
  target.proxy_command = "srun --jobid=7 sshd -i %h";
  const auto config = ssh_config(target, "/s");
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->ends_with("Match all\n  Include \"/home/me/.ssh/config\"\n")) << *config;
  EXPECT_TRUE(config->contains("ProxyCommand srun --jobid=7 sshd -i %h\n"));
  EXPECT_FALSE(config->contains("Port")) << "it says that";
}

// The line and what follows on standard input, by a shell of this computer.
ProcessResult through(const std::vector<std::string>& shell, const Command& command) {
  const auto script = command_script(command);
  if (!script) return {.status = -1, .output = {}, .error = script.error().why};
  const Opening opening = session_opening(*script, nonce, !command.input.empty());
  SessionOutput output(nonce, {}, true);
  ProcessSpec spec;
  spec.argv = shell;
  spec.argv.push_back(opening.line);
  spec.environment = {{"PATH", "/usr/bin:/bin"}, {"BASE", "of the machine"}};
  spec.input = opening.header + command.input;
  spec.on_bytes = [&](Stream stream, std::string_view bytes) { return output.add(stream, bytes); };
  SystemProcesses processes;
  const auto result = processes.run(spec, Wait::at_most(std::chrono::seconds(60)));
  output.finish();
  EXPECT_TRUE(result);
  EXPECT_TRUE(output.end());
  return {.status = std::stoi(output.end().value_or("-1")),
          .output = output.text(Stream::output),
          .error = output.text(Stream::error)};
}

TEST(SshSession, any_shell_passes_the_command_on_unharmed) {
  Command command;
  command.argv = {"printf", "%s|", "", "'", "\\", "$BASE", "`x`", "!!", "a\nb", "*", "\xff", "-"};
  Command reading;
  reading.argv = {"sh", "-c", "cat; printf '%s' \"$A$B\"; exit 255"};
  reading.input = "line\nand more";
  reading.environment = {{"A", "'\"\\$x!\n."}};
  reading.templates = {{"B", "${BASE}$$${NONE}${1}$"}};
  for (const std::vector<std::string>& shell : {std::vector<std::string>{"dash", "-c"},
                                                {"bash", "--norc", "-c"},
                                                {"zsh", "-f", "-c"},
                                                {"fish", "--no-config", "-c"},
                                                {"tcsh", "-f", "-c"}}) {
    EXPECT_EQ(through(shell, command).output, "|'|\\|$BASE|`x`|!!|a\nb|*|\xff|-|") << shell[0];
    const auto read = through(shell, reading);
    EXPECT_EQ(read.output, "line\nand more'\"\\$x!\n.of the machine$${NONE}${1}$") << shell[0];
    EXPECT_EQ(read.status, 255) << shell[0];
  }
}

TEST(SshSession, runs_nothing_of_a_header_that_was_cut_short) {
  Command command;
  command.argv = {"echo", "ran"};
  const Opening opening = session_opening(*command_script(command), nonce, false);
  SystemProcesses processes;
  for (std::size_t length = 1; length < opening.header.size() - 2; length += 7) {
    const auto result = processes.run({.argv = {"sh", "-c", opening.line},
                                       .environment = {{"PATH", "/usr/bin:/bin"}},
                                       .input = opening.header.substr(0, length)},
                                      Wait::at_most(std::chrono::seconds(60)));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->output, "") << length;
  }
}

TEST(SshSession, says_nothing_of_the_command_in_the_line_for_the_login_shell) {
  Command command;
  command.argv = {"echo", "secret"};
  const Opening opening = session_opening(*command_script(command), nonce, false);
  EXPECT_FALSE(opening.line.contains("secret"));
  EXPECT_TRUE(opening.header.contains("secret"));
}

TEST(SshSession, refuses_variables_that_no_shell_can_set) {
  for (const char* name : {"", "A-B", "1A", "A=B", "A;id", "A B"}) {
    Command command;
    command.argv = {"true"};
    command.environment = {{name, "x"}};
    EXPECT_FALSE(command_script(command)) << name;
  }
}

TEST(SessionOutput, keeps_what_is_between_the_marks_however_the_bytes_come) {
  const std::string stdout_bytes =
      "Welcome!\ncarrel-begin-0123456789abcde_\nnoisecarrel-begin-0123456789abcdef\n"
      "one\ntwo carrel-end-0123 x\r\npartcarrel-end-0123456789abcdef 255\n";
  const std::string stderr_bytes =
      "oops carrel-begin-0123456789abcdef\nerrcarrel-end-0123456789abcdef 255\n";
  for (std::size_t piece = 1; piece <= stdout_bytes.size(); ++piece) {
    std::vector<std::string> lines;
    SessionOutput output(
        nonce, [&lines](std::string_view line) { lines.emplace_back(line); }, true);
    EXPECT_FALSE(output.begun());
    for (std::size_t at = 0; at < stdout_bytes.size(); at += piece) {
      EXPECT_TRUE(output.add(Stream::output, std::string_view(stdout_bytes).substr(at, piece)));
    }
    EXPECT_EQ(output.end(), std::nullopt);
    bool more = true;
    for (std::size_t at = 0; at < stderr_bytes.size(); at += piece) {
      more = output.add(Stream::error, std::string_view(stderr_bytes).substr(at, piece));
    }
    EXPECT_FALSE(more);
    output.add(Stream::output, "a grandchild");
    output.finish();
    EXPECT_TRUE(output.begun());
    EXPECT_EQ(output.end(), "255");
    EXPECT_EQ(output.text(Stream::output), "one\ntwo carrel-end-0123 x\r\npart");
    EXPECT_EQ(output.text(Stream::error), "err");
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two carrel-end-0123 x", "part", "err"}));
  }
}

TEST(SessionOutput, holds_back_no_byte_that_cannot_be_a_mark) {
  std::vector<std::string> lines;
  SessionOutput output(nonce, [&lines](std::string_view line) { lines.emplace_back(line); }, true);
  output.add(Stream::output, "carrel-begin-0123456789abcdef\n50 %\r");
  EXPECT_EQ(lines, std::vector<std::string>{"50 %"});
}

TEST(SessionOutput, gives_all_that_was_said_when_nothing_ever_began) {
  SessionOutput output(nonce, {}, true);
  output.add(Stream::error, "ssh: no route\ncarrel-begin");
  output.finish();
  EXPECT_EQ(output.text(Stream::error), "ssh: no route\ncarrel-begin");
  EXPECT_EQ(output.end(), std::nullopt);
}

}  // namespace
}  // namespace carrel
