// The whole keeper: a process, a real sshd, bytes.
#include "keeper/keeper.hpp"

#include "base/text.hpp"
#include "fakes/local_server.hpp"
#include "fakes/local_sshd.hpp"
#include "keeper/door.hpp"
#include "keeper/protocol.hpp"
#include "os/connection.hpp"
#include "os/listener.hpp"
#include "os/ports.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "unit/keeper/fixture.hpp"

#include <csignal>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <sys/types.h>
#include <thread>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

using testing::LocalServer;
using testing::Peer;

void echo(Peer& peer) {
  for (std::string line; !(line = peer.read_until("\n")).empty();) {
    if (!peer.write("you said " + line)) return;
  }
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + (i >> 12U));
  return bytes;
}

class Keeper : public KeeperTest {
 protected:
  std::uint16_t port() const { return workspace(sshd).port; }
  void keep(const KeptWorkspace& workspace) {
    const auto kept = client().keep({workspace}, patience());
    ASSERT_TRUE(kept) << kept.error().what << ": " << kept.error().why;
  }
  void signal_connections(int signal) const {
    for (const ProcessId& process : sshd.connections()) signal_process(process, signal);
  }
  LocalSshd sshd;
};

TEST_F(Keeper, carries_bytes_both_ways_through_ssh) {
  LocalServer server(echo, socket());
  keep(workspace(sshd));
  Browser browser(port());
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_EQ(browser.hear(15), "you said hello\n");
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(browser.say("again\n"));
    ASSERT_EQ(browser.hear(15), "you said again\n");
  }
}

TEST_F(Keeper, listens_on_both_addresses_of_loopback) {
  if (!Listener::open(TcpAddress{.host = "::1", .port = 0})) GTEST_SKIP() << "no IPv6 here";
  LocalServer server(echo, socket());
  keep(workspace(sshd));
  Browser browser(port(), "::1");
  EXPECT_TRUE(browser.say("six\n"));
  EXPECT_EQ(browser.hear(13), "you said six\n");
}

TEST_F(Keeper, gives_long_streams_whole_to_a_slow_reader) {
  const std::string bytes = pattern(std::size_t{32} << 20U);
  LocalServer server(
      [&](Peer& peer) {
        peer.read_until("\n");
        peer.write(bytes);
      },
      socket());
  keep(workspace(sshd));
  Browser browser(port());
  EXPECT_TRUE(browser.say("all\n"));
  std::string heard = browser.hear(1);
  EXPECT_TRUE(becomes_true([&] { return state().open == 1; }));
  heard += browser.hear_rest();
  EXPECT_TRUE(heard == bytes) << heard.size() << " bytes";
}

TEST_F(Keeper, takes_long_uploads_whole_and_keeps_half_closed_streams) {
  const std::string bytes = pattern(std::size_t{8} << 20U);
  LocalServer server(
      [&](Peer& peer) {
        const std::string all = peer.read_rest();
        peer.write(all == bytes ? "whole" : fmt::format("{} bytes", all.size()));
      },
      socket());
  keep(workspace(sshd));
  Browser browser(port());
  EXPECT_TRUE(browser.say(bytes));
  browser.end();
  EXPECT_EQ(browser.hear_rest(), "whole");
}

TEST_F(Keeper, keeps_the_way_there_open_when_the_machine_has_said_all) {
  std::promise<std::string> rest;
  LocalServer server(
      [&](Peer& peer) {
        peer.read_until("\n");
        peer.write("bye");
        ::shutdown(peer.descriptor(), SHUT_WR);
        rest.set_value(peer.read_rest());
      },
      socket());
  keep(workspace(sshd));
  Browser browser(port());
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_EQ(browser.hear_rest(), "bye");
  EXPECT_TRUE(browser.say("one thing more"));
  browser.end();
  auto heard = rest.get_future();
  ASSERT_EQ(heard.wait_for(minute), std::future_status::ready);
  EXPECT_EQ(heard.get(), "one thing more");
}

TEST_F(Keeper, carries_two_hundred_connections_at_once) {
  LocalServer server(echo, socket());
  keep(workspace(sshd));
  std::vector<std::unique_ptr<Browser>> browsers;
  for (int i = 0; i < 200; ++i) {
    browsers.push_back(std::make_unique<Browser>(port()));
    EXPECT_TRUE(browsers.back()->say(fmt::format("{:3}\n", i)));
  }
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(browsers[i]->hear(13), fmt::format("you said {:3}\n", i));
  }
  EXPECT_EQ(state().open, 200U);
  browsers.clear();
  EXPECT_TRUE(becomes_true([&] { return state().open == 0; }));
}

TEST_F(Keeper, holds_a_connection_until_the_machine_is_back_at_another_address) {
  LocalServer server(echo, socket());
  tell_address("unknown");
  const auto kept = moving(sshd);
  keep(kept);
  EXPECT_TRUE(comes_up());
  sshd.stop();
  EXPECT_TRUE(becomes_true([&] { return state().state != LinkState::up; }));
  Browser browser(port());
  EXPECT_TRUE(browser.say("still there?\n"));
  EXPECT_TRUE(becomes_true([&] { return state().held == 1; }));
  sshd.start_again();
  tell_address(fmt::format("127.0.0.1 {}", sshd.target().port));
  EXPECT_EQ(browser.hear(22), "you said still there?\n");
  EXPECT_EQ(state().port, kept.port);
}

TEST_F(Keeper, waits_for_a_machine_of_which_nothing_is_known_or_that_is_stopped) {
  LocalServer server(echo, socket());
  auto kept = moving(sshd);
  kept.ssh.host.clear();
  tell_address("none");
  keep(kept);
  EXPECT_TRUE(becomes_true([&] { return state().why == "the machine is stopped"; }));
  EXPECT_EQ(state().state, LinkState::waiting);
  tell_address("unknown");
  Browser browser(port());
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_TRUE(becomes_true([&] { return state().held == 1; }));
  tell_address("127.0.0.1");
  EXPECT_EQ(browser.hear(15), "you said hello\n");
}

TEST_F(Keeper, holds_the_port_of_a_workspace_that_rests_until_it_is_kept_again) {
  LocalServer server(echo, socket());
  keep(workspace(sshd, 1));  // the keeper ends with the last that is up
  keep(workspace(sshd));
  EXPECT_TRUE(comes_up());
  Browser before(port());
  EXPECT_TRUE(before.say("hello\n"));
  EXPECT_EQ(before.hear(15), "you said hello\n");
  ASSERT_TRUE(client().rest(id_of(0), patience()));
  EXPECT_EQ(before.hear_rest(), "(broken)");
  EXPECT_FALSE(port_is_free("127.0.0.1", port()));
  EXPECT_TRUE(becomes_true([&] { return state().why == "the workspace is stopped"; }));
  Browser meanwhile(port());
  EXPECT_TRUE(meanwhile.say("hello\n"));
  EXPECT_TRUE(becomes_true([&] { return state().held == 1; }));
  EXPECT_EQ(state().state, LinkState::waiting);
  keep(workspace(sshd));  // the same way there
  EXPECT_EQ(meanwhile.hear(15), "you said hello\n");
}

TEST_F(Keeper, carries_bytes_to_a_port_of_the_machine) {
  LocalServer server(echo, LocalServer::Kind::tcp4);
  auto way = workspace(sshd);
  way.socket.clear();
  way.machine_port = std::get<TcpAddress>(server.endpoint()).port;
  SystemRandom random;
  const auto door = Door::open(random, this_environment(), way, place().folder / "forward").value();
  Browser browser(port());
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_EQ(browser.hear(15), "you said hello\n");
}

TEST_F(Keeper, holds_a_connection_until_the_server_listens) {
  keep(workspace(sshd));
  EXPECT_TRUE(comes_up());
  Browser browser(port());
  EXPECT_TRUE(browser.say("early\n"));
  // ssh has tried and was refused
  EXPECT_TRUE(becomes_true([&] { return state().held == 1; }));
  LocalServer server(echo, socket());
  EXPECT_EQ(browser.hear(15), "you said early\n");
}

TEST_F(Keeper, opens_nothing_on_a_link_that_only_seems_to_be_there) {
  LocalServer server(echo, socket());
  keep(workspace(sshd));
  EXPECT_TRUE(comes_up());
  // beyond what a proof is good for
  std::this_thread::sleep_for(Milliseconds(1100));
  signal_connections(SIGSTOP);
  Browser browser(port());
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_TRUE(becomes_true([&] { return state().held == 1; }));
  EXPECT_EQ(state().open, 0U);
  signal_connections(SIGCONT);
  EXPECT_EQ(browser.hear(15), "you said hello\n");
}

TEST_F(Keeper, makes_a_link_anew_that_has_gone_silent) {
  LocalServer server(echo, socket());
  auto kept = workspace(sshd);
  kept.ssh.keep_alive = std::chrono::seconds(1);
  keep(kept);
  EXPECT_TRUE(comes_up());
  std::this_thread::sleep_for(Milliseconds(1100));
  const auto silent = sshd.connections();
  signal_connections(SIGSTOP);
  Browser browser(port());
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_EQ(browser.hear(15), "you said hello\n");
  for (const ProcessId& process : silent) signal_process(process, SIGCONT);
}

TEST_F(Keeper, is_quick_when_the_computer_wakes_up_and_the_link_is_dead) {
  LocalServer server(echo, socket());
  keep(workspace(sshd));
  EXPECT_TRUE(comes_up());
  const auto dead = sshd.connections();
  const auto sleeping = processes_with_words(place().folder.string());
  ASSERT_GE(sleeping.size(), 2U) << "the keeper and its ssh";
  for (const pid_t pid : sleeping) ::kill(pid, SIGSTOP);
  signal_connections(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::seconds(9));
  const auto awake = SystemClock().now();
  for (const pid_t pid : sleeping) ::kill(pid, SIGCONT);
  Browser browser(port());
  EXPECT_TRUE(browser.say("good morning\n"));
  EXPECT_EQ(browser.hear(22), "you said good morning\n");
  // ssh alone notices after 15 s
  EXPECT_LT(SystemClock().now() - awake, std::chrono::seconds(12));
  for (const ProcessId& process : dead) signal_process(process, SIGCONT);
}

TEST_F(Keeper, does_not_pass_half_an_answer_for_a_whole_one) {
  LocalServer server(
      [](Peer& peer) {
        peer.read_until("\n");
        peer.write("half");
        peer.read_rest();
      },
      socket());
  keep(workspace(sshd));
  Browser browser(port());
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_EQ(browser.hear(4), "half");
  sshd.stop();
  EXPECT_EQ(browser.hear_rest(), "(broken)");
}

TEST_F(Keeper, does_not_ask_twice_what_the_server_may_have_done) {
  std::atomic<int> asked = 0;
  LocalServer server(
      [&](Peer& peer) {
        if (!peer.read_until("\n").empty()) ++asked;
        peer.read_rest();
      },
      socket());
  keep(workspace(sshd));
  Browser browser(port());
  EXPECT_TRUE(browser.say("do it\n"));
  EXPECT_TRUE(becomes_true([&] { return asked == 1; }));
  sshd.stop();
  EXPECT_EQ(browser.hear_rest(), "(broken)");
  sshd.start_again();
  EXPECT_EQ(asked, 1);
}

TEST_F(Keeper, asks_again_for_what_is_only_read) {
  std::atomic<int> asked = 0;
  LocalServer server(
      [&](Peer& peer) {
        while (!peer.read_until("\r\n\r\n").empty()) {
          if (++asked % 2 == 1) {
            peer.write("answer");
          } else if (asked == 2) {
            peer.read_rest();
          }
        }
      },
      socket());
  tell_address("unknown");
  keep(moving(sshd));
  Browser browser(port());
  EXPECT_TRUE(browser.say("POST /kernels HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(browser.hear(6), "answer");
  EXPECT_TRUE(browser.say("GET /kernels HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(becomes_true([&] { return asked == 2; }));
  sshd.stop();
  EXPECT_TRUE(becomes_true([&] { return state().held == 1; }));
  sshd.start_again();
  tell_address(fmt::format("127.0.0.1 {}", sshd.target().port));
  EXPECT_EQ(browser.hear(6), "answer");
  EXPECT_EQ(asked, 3);
}

TEST_F(Keeper, lets_held_connections_go_with_the_browser) {
  auto kept = workspace(sshd);
  sshd.stop();
  keep(kept);
  {
    Browser browser(port());
    EXPECT_TRUE(browser.say("hello\n"));
    EXPECT_TRUE(becomes_true([&] { return state().held == 1; }));
    browser.leave();
  }
  EXPECT_TRUE(becomes_true([&] { return state().held == 0; }));
}

TEST_F(Keeper, does_not_talk_to_a_machine_with_another_host_key) {
  LocalServer server(echo, socket());
  sshd.write_known_hosts("stranger");
  keep(workspace(sshd));
  Browser browser(port());
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_TRUE(becomes_true([&] { return state().why.contains("Host key verification failed"); }))
      << state().why;
  EXPECT_EQ(state().open, 0U);
}

}  // namespace
}  // namespace carrel
