// What only ssh has, with a real sshd: keys, a cut network, secrets, the connection.
#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_target.hpp"
#include "fakes/local_sshd.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"
#include "ssh_fixture.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

// How many processes' arguments contain it.
int in_process_list(std::string_view text) {
  int count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto line = read_file(entry.path() / "cmdline");
    if (line && line->contains(text)) ++count;
  }
  return count;
}

TEST_F(Ssh, does_not_talk_to_a_machine_with_another_host_key) {
  sshd.write_known_hosts("stranger");
  const Error error = failure(sshd.target());
  EXPECT_EQ(error.reason, Reason::unverified);
  EXPECT_TRUE(error.why.contains("Host key verification failed")) << error.why;
}

TEST_F(Ssh, does_not_talk_to_a_machine_without_a_known_host_key) {
  ASSERT_TRUE(write_file(sshd.file("known_hosts"), "", 0600));
  EXPECT_EQ(failure(sshd.target()).reason, Reason::unverified);
  EXPECT_EQ(read_file(sshd.file("known_hosts")), "") << "it has learned it by itself";
  auto target = sshd.target();
  target.known_hosts = sshd.file("absent");
  EXPECT_EQ(failure(target).reason, Reason::unverified);
}

TEST_F(Ssh, knows_a_machine_by_an_alias_whatever_its_address) {
  const auto key = *read_file(sshd.file("host.pub"));
  ASSERT_TRUE(write_file(sshd.file("known_hosts"), "carrel-abc " + key, 0600));
  auto target = sshd.target();
  target.host_key_alias = "carrel-abc";
  EXPECT_TRUE(open(target)->run(shell(":"), patience()));
}

TEST_F(Ssh, is_refused_with_a_key_that_the_machine_does_not_know) {
  auto target = sshd.target();
  target.identity = sshd.file("stranger");
  const Error error = failure(target);
  EXPECT_EQ(error.reason, Reason::refused);
  EXPECT_TRUE(error.why.contains("Permission denied (publickey)")) << error.why;
}

TEST_F(Ssh, is_refused_with_a_key_that_others_can_read) {
  fs::permissions(sshd.file("person"), fs::perms(0644));
  const Error error = failure(sshd.target());
  EXPECT_EQ(error.reason, Reason::refused);
  EXPECT_TRUE(error.why.contains("UNPROTECTED PRIVATE KEY FILE")) << error.why;
}

TEST_F(Ssh, does_not_reach_a_machine_where_nobody_listens) {
  const auto target = sshd.target();
  sshd.stop();
  const Error error = failure(target);
  EXPECT_EQ(error.reason, Reason::unreachable);
  EXPECT_TRUE(error.why.contains("Connection refused")) << error.why;
}

TEST_F(Ssh, does_not_wait_for_ever_for_a_machine_that_never_answers) {
  signal_process(sshd.process(), SIGSTOP);
  auto target = sshd.target();
  target.connect_timeout = std::chrono::seconds(1);
  EXPECT_EQ(failure(target).reason, Reason::unreachable);
  target.connect_timeout = minute;
  const auto late = open(target)->run(shell(":"), Wait::at_most(Milliseconds(300)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::timed_out);
}

TEST_F(Ssh, tells_a_cut_network_from_a_command_that_failed_and_connects_again) {
  auto target = sshd.target();
  target.keep_alive = std::chrono::seconds(1);
  const auto channel = open(target);
  for (const int how : {SIGSTOP, SIGKILL}) {
    std::string pid;
    Command command = shell("echo $$; exec sleep 600");
    command.on_output = [&](std::string_view line) {
      if (!pid.empty()) return;
      pid = line;
      for (const ProcessId& process : sshd.connections()) signal_process(process, how);
    };
    const auto result = channel->run(command, patience());
    ASSERT_FALSE(result) << how;
    EXPECT_EQ(result.error().reason, Reason::unreachable) << how;
    EXPECT_TRUE(result.error().why.contains(how == SIGSTOP ? "not responding" : "closed"))
        << result.error().why;
    const auto again = channel->run(shell("echo back"), patience());
    ASSERT_TRUE(again) << how << again.error().what << again.error().why;
    EXPECT_EQ(again->output, "back\n");
    ASSERT_FALSE(pid.empty());
    ::kill(std::stoi(pid), SIGKILL);
  }
}

TEST_F(Ssh, lasting_work_goes_on_when_the_network_is_cut_or_nobody_follows_any_more) {
  const auto channel = open(sshd.target());
  for (const bool is_cut : {true, false}) {
    const auto go = sshd.file(is_cut ? "go" : "go on");
    const auto done = sshd.file(is_cut ? "done" : "well done");
    Interrupt interrupt;
    // Until it is told to, or the test is over.
    Command work = shell(fmt::format(
        "echo begun; until [ -e '{}' ]; do sleep 0.02; [ -d '{}' ] || exit; done; : >'{}'",
        go.string(), go.parent_path().string(), done.string()));
    work.lasting = true;
    work.on_output = [&](std::string_view) {
      if (!is_cut) return interrupt.raise();
      for (const ProcessId& process : sshd.connections()) signal_process(process, SIGKILL);
    };
    Wait wait = patience();
    wait.interrupt = &interrupt;
    const auto result = channel->run(work, wait);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, is_cut ? Reason::unreachable : Reason::interrupted);
    ASSERT_TRUE(write_file(go, "", 0600));
    EXPECT_TRUE(becomes_true([&] { return fs::exists(done); })) << is_cut;
  }
}

TEST_F(Ssh, carries_many_commands_on_one_connection) {
  const auto channel = open(sshd.target());
  const auto peer = channel->run(shell("echo $SSH_CONNECTION"), patience());
  ASSERT_TRUE(peer);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(channel->run(shell("echo $SSH_CONNECTION"), patience())->output, peer->output);
  }
}

TEST_F(Ssh, writes_no_file_when_the_network_is_cut_before_all_have_come) {
  auto target = sshd.target();
  target.keep_alive = std::chrono::seconds(1);
  const auto channel = open(target);
  const fs::path root = sshd.file("put");
  const std::vector<PutFile> files = {
      {.path = "a", .bytes = "x", .mode = 0600},
      {.path = "b", .bytes = std::string(200'000'000, 'y'), .mode = 0600}};
  ASSERT_TRUE(channel->run(shell(":"), patience()));
  // its first file has come
  std::thread cable([&] {
    EXPECT_TRUE(becomes_true([&] {
      std::error_code error;
      return !fs::is_empty(root, error) && !error;
    }));
    for (const ProcessId& process : sshd.connections()) signal_process(process, SIGKILL);
  });
  const auto put = channel->put(root, files, patience());
  cable.join();
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().reason, Reason::unreachable);
  EXPECT_TRUE(becomes_true([&] { return fs::is_empty(root); })) << "what came is removed";
}

TEST_F(Ssh, first_commands_of_several_threads_all_run) {
  const auto channel = open(sshd.target());
  std::vector<std::thread> threads;
  std::array<int, 6> statuses{};
  threads.reserve(statuses.size());
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto result = channel->run(shell("exit " + std::to_string(i + 40)), patience());
      statuses[i] = result ? result->status : -1;
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < statuses.size(); ++i)
    EXPECT_EQ(statuses[i], static_cast<int>(i) + 40);
}

TEST_F(Ssh, leaves_no_process_and_no_socket_behind) {
  const auto run = sshd.target().folder;
  {
    const auto channel = open(sshd.target());
    ASSERT_TRUE(channel->run(shell(":"), patience()));
    EXPECT_FALSE(sshd.connections().empty());
    EXPECT_FALSE(fs::is_empty(run));
    EXPECT_GT(in_process_list(run.string()), 0);
  }
  EXPECT_TRUE(fs::is_empty(run));
  EXPECT_TRUE(becomes_true([&] { return in_process_list(run.string()) == 0; }));
  EXPECT_TRUE(becomes_true([&] { return sshd.connections().empty(); }));
}

TEST_F(Ssh, ends_the_connection_after_a_while_of_quiet_when_nobody_closes_it) {
  auto target = sshd.target();
  target.persist = std::chrono::seconds(1);
  const auto channel = open(target);
  ASSERT_TRUE(channel->run(shell(":"), patience()));
  EXPECT_TRUE(becomes_true([&] { return sshd.connections().empty(); }));
}

TEST_F(Ssh, keeps_variables_arguments_and_input_out_of_both_process_lists) {
  const std::string secret = "secret-" + hex(random().bytes(8));
  Command command = shell("echo ready; read -r line; read -r line; exit 3");
  command.environment = {{"TOKEN", secret + "a"}};
  command.templates = {{"OTHER", secret + "b"}};
  command.input = secret + "c\n";
  int seen = -1;
  command.on_output = [&](std::string_view) { seen = in_process_list(secret); };
  const auto result = open(sshd.target())->run(command, patience());
  ASSERT_TRUE(result);
  EXPECT_EQ(seen, 0);
}

TEST_F(Ssh, its_folder_and_configuration_are_the_persons_alone) {
  const auto channel = open(sshd.target());
  for (const auto& entry : fs::recursive_directory_iterator(sshd.target().folder)) {
    EXPECT_EQ(entry.status().permissions() & fs::perms(0077), fs::perms(0)) << entry.path();
  }
}

TEST_F(Ssh, forwards_again_after_the_connection_broke) {
  const auto channel = open(sshd.target());
  const fs::path socket = sshd.file("socket");
  const auto first = channel->forward(socket, patience());
  ASSERT_TRUE(first);
  for (const ProcessId& process : sshd.connections()) signal_process(process, SIGKILL);
  const auto path = std::get<fs::path>(*first);
  EXPECT_TRUE(becomes_true([&] { return !Connection::open(path, patience()); }));
  const auto second = channel->forward(socket, patience());
  ASSERT_TRUE(second) << second.error().what << second.error().why;
  EXPECT_EQ(std::get<fs::path>(*second), path);
  // nobody listens there
  auto connection = Connection::open(*second, patience());
  ASSERT_TRUE(connection);
  std::array<char, 1> byte{};
  EXPECT_EQ(connection->read_some(byte), std::size_t{0});
}

TEST_F(Ssh, reaches_a_machine_through_a_proxy_command_and_a_persons_own_configuration) {
  auto target = sshd.target();
  ASSERT_TRUE(write_file(sshd.file("ssh config"),
                         "Host desk\n  HostName 127.0.0.1\n  Port " + std::to_string(target.port) +
                             "\n  User " + target.user +
                             "\n  RemoteCommand false\n  StrictHostKeyChecking no\n",
                         0600));
  target.host = "desk";
  target.host_key_alias = "desk-key";
  target.user = "";
  target.config = sshd.file("ssh config");
  const int port = std::exchange(target.port, 22);
  EXPECT_EQ(failure(target).reason, Reason::unverified) << "theirs is weaker than ours";
  ASSERT_TRUE(
      write_file(sshd.file("known_hosts"), "desk-key " + *read_file(sshd.file("host.pub")), 0600));
  EXPECT_TRUE(open(target)->run(shell(":"), patience()));
  target.proxy_command =
      "bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(port) + "; cat <&3 & cat >&3'";
  const auto result = open(target)->run(shell("echo $SSH_CONNECTION"), patience());
  ASSERT_TRUE(result) << result.error().what << result.error().why;
  EXPECT_EQ(result->status, 0);
}

TEST_F(Ssh, says_what_a_login_shell_says_that_runs_no_commands) {
  const LocalSshd closed("echo This account is currently not available.; exit 1");
  const Error error = failure(closed.target());
  EXPECT_EQ(error.reason, Reason::refused);
  EXPECT_EQ(error.why, "This account is currently not available.");
}

TEST_F(Ssh, needs_a_short_folder_and_values_that_a_configuration_can_hold) {
  const auto refuses = [&](auto change) {
    auto target = sshd.target();
    change(target);
    return !SshChannel::open(processes(), random(), {}, target);
  };
  EXPECT_TRUE(refuses([](SshTarget& t) { t.folder = "/tmp/" + std::string(70, 'x'); }));
  EXPECT_TRUE(refuses([](SshTarget& t) { t.host = "-oProxyCommand=x"; }));
  EXPECT_TRUE(refuses([](SshTarget& t) { t.host = ""; }));
  EXPECT_TRUE(refuses([](SshTarget& t) { t.user = "a\nProxyCommand x"; }));
  EXPECT_TRUE(refuses([](SshTarget& t) { t.known_hosts = ""; }));
  EXPECT_TRUE(refuses([](SshTarget& t) { t.identity = "/a\"b"; }));
  EXPECT_TRUE(refuses([](SshTarget& t) { t.proxy_command = "a\nb"; }));
  EXPECT_FALSE(refuses([](SshTarget&) {}));
}

}  // namespace
}  // namespace carrel
