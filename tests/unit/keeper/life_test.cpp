// How a keeper comes and goes, and who may talk to it.
#include "base/error.hpp"
#include "fakes/local_server.hpp"
#include "fakes/local_sshd.hpp"
#include "keeper/client.hpp"
#include "keeper/protocol.hpp"
#include "unit/keeper/fixture.hpp"

#include <csignal>
#include <filesystem>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;
using testing::LocalServer;
using testing::Peer;

void echo(Peer& peer) {
  for (std::string line; !(line = peer.read_until("\n")).empty();) {
    if (!peer.write(line)) return;
  }
}

class KeeperLife : public KeeperTest {
 protected:
  // What the keeper answers to these bytes, until it closes.
  std::string answer_to(const std::string& bytes) const {
    auto connection = Connection::open(place().socket(), patience());
    if (!connection) return "(nobody)";
    for (std::string_view rest = bytes; !rest.empty();) {
      const auto count = connection->write_some(rest);
      if (!count) break;
      rest.remove_prefix(*count);
    }
    connection->end_writing();
    std::string heard;
    std::array<char, 4096> buffer{};
    while (true) {
      const auto count = connection->read_some(buffer);
      if (!count || *count == 0) return heard;
      heard.append(buffer.data(), *count);
    }
  }
  LocalSshd sshd;
};

TEST_F(KeeperLife, ends_with_the_last_workspace) {
  ASSERT_TRUE(client().keep({workspace(sshd, 0), workspace(sshd, 1)}, patience()));
  EXPECT_TRUE(client().drop(id_of(0), patience()));
  EXPECT_NE(state(1).why, "(not kept)");
  EXPECT_TRUE(client().drop(id_of(1), patience()));
  EXPECT_TRUE(becomes_true([&] { return !is_running() && !keeper(); }));
  EXPECT_FALSE(fs::exists(place().socket()));
  EXPECT_TRUE(client().list(patience())->empty());
}

TEST_F(KeeperLife, ends_when_all_that_it_keeps_rest) {
  ASSERT_TRUE(client().keep({workspace(sshd, 0), workspace(sshd, 1)}, patience()));
  EXPECT_TRUE(client().rest(id_of(0), patience()));
  EXPECT_NE(state(0).why, "(not kept)");
  EXPECT_TRUE(client().drop(id_of(1), patience()));
  EXPECT_TRUE(becomes_true([&] { return !is_running() && !keeper(); }));
  EXPECT_TRUE(client().rest(id_of(0), patience())) << "there is no keeper: done";
}

TEST_F(KeeperLife, is_nobodys_child_and_has_a_session_of_its_own) {
  ASSERT_TRUE(client().keep({workspace(sshd)}, patience()));
  const auto pid = keeper();
  ASSERT_TRUE(pid);
  EXPECT_EQ(::getsid(*pid), *pid);
  EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(*pid) + "/fd/0"), "/dev/null");
  EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(*pid) + "/cwd"), "/");
  const auto parent = parse_stat(*read_file("/proc/" + std::to_string(*pid) + "/stat"))->parent;
  EXPECT_NE(parent, ::getpid());
}

TEST_F(KeeperLife, is_replaced_when_it_was_killed_and_leaves_nothing) {
  LocalServer server(echo, socket());
  ASSERT_TRUE(client().keep({workspace(sshd)}, patience()));
  ASSERT_TRUE(comes_up());
  const auto first = keeper();
  ASSERT_TRUE(first);
  ::kill(*first, SIGKILL);
  EXPECT_TRUE(becomes_true([&] {
    return processes_with_words((place().folder / "k").string()).empty();
  })) << "its ssh goes on";
  ASSERT_TRUE(client().keep({workspace(sshd)}, patience()));
  EXPECT_NE(keeper(), first);
  Browser browser(workspace(sshd).port);
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_EQ(browser.hear(6), "hello\n");
}

TEST_F(KeeperLife, is_one_when_many_commands_start_it_at_once) {
  std::vector<std::thread> commands;
  for (int i = 0; i < 6; ++i) {
    commands.emplace_back([&, i] {
      KeeperClient command(processes(), this_environment(), place(),
                           {"/proc/self/exe", "keeper", place().folder.string()});
      const auto kept = command.keep({workspace(sshd, i)}, patience());
      EXPECT_TRUE(kept) << kept.error().what << ": " << kept.error().why;
    });
  }
  for (std::thread& command : commands) command.join();
  EXPECT_EQ(client().list(patience())->size(), 6U);
}

TEST_F(KeeperLife, starts_anew_while_another_is_just_ending) {
  for (int i = 0; i < 20; ++i) {
    const auto kept = client().keep({workspace(sshd)}, patience());
    ASSERT_TRUE(kept) << i << ": " << kept.error().what << ": " << kept.error().why;
    ASSERT_EQ(client().list(patience())->size(), 1U);
    ASSERT_TRUE(client().drop(id_of(0), patience()));
  }
}

TEST_F(KeeperLife, admits_only_its_owner) {
  ASSERT_TRUE(client().keep({workspace(sshd)}, patience()));
  EXPECT_EQ(fs::status(place().folder).permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(place().socket()).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  if (::geteuid() != 0) return;  // nobody else can be tried
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    const bool became = ::setuid(65534) == 0;
    const auto opened = Connection::open(place().socket(), patience());
    ::_exit(became && !opened ? 0 : 1);
  }
  int status = -1;
  ::waitpid(stranger, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(KeeperLife, never_changes_a_port) {
  ASSERT_TRUE(client().keep({workspace(sshd)}, patience()));
  auto other = workspace(sshd);
  other.port = workspace(sshd, 1).port;
  const auto changed = client().keep({other}, patience());
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().reason, Reason::refused);
  EXPECT_EQ(state().port, workspace(sshd).port);
}

TEST_F(KeeperLife, says_who_has_the_port) {
  auto kept = workspace(sshd);
  kept.port = sshd.target().port;
  const auto result = client().keep({kept}, patience());
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().why.contains("sshd")) << result.error().why;
}

TEST_F(KeeperLife, reaches_a_machine_as_it_was_told_last) {
  LocalServer server(echo, socket());
  auto wrong = workspace(sshd);
  wrong.ssh.port = workspace(sshd, 3).port;
  ASSERT_TRUE(client().keep({wrong}, patience()));
  EXPECT_TRUE(becomes_true([&] { return !state().why.empty(); }));
  ASSERT_TRUE(client().keep({workspace(sshd)}, patience()));
  EXPECT_TRUE(comes_up());
}

TEST_F(KeeperLife, replaces_an_older_keeper_and_keeps_what_it_kept) {
  const std::string kept_before = text_of(workspace(sshd, 1));
  LocalServer old(
      [&](Peer& peer) {
        peer.write("{\"keeper\":0}\n");
        if (!peer.read_until("\n").contains("\"end\"")) return;
        fs::remove(place().socket());
        peer.write("{\"ok\":true,\"kept\":[" + kept_before.substr(0, kept_before.size() - 1) +
                   "]}\n");
      },
      place().socket());
  const auto kept = client().keep({workspace(sshd, 0)}, patience());
  ASSERT_TRUE(kept) << kept.error().what << ": " << kept.error().why;
  EXPECT_EQ(client().list(patience())->size(), 2U);
}

TEST_F(KeeperLife, leaves_a_newer_keeper_alone) {
  LocalServer newer(
      [](Peer& peer) {
        peer.write("{\"keeper\":2}\n");
        peer.read_rest();
      },
      place().socket());
  const auto kept = client().keep({workspace(sshd)}, patience());
  ASSERT_FALSE(kept);
  EXPECT_TRUE(kept.error().what.contains("newer")) << kept.error().what;
  fs::remove(place().socket());
}

TEST_F(KeeperLife, refuses_what_is_no_request_and_goes_on) {
  ASSERT_TRUE(client().keep({workspace(sshd)}, patience()));
  const std::vector<std::string> lines = {
      "\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "[]\n",
      "{\"do\":\"explode\"}\n",
      "{\"do\":7}\n",
      "{\"do\":\"drop\",\"id\":\"../../etc\"}\n",
      "{\"do\":\"keep\"}\n",
      "{\"do\":\"keep\",\"workspace\":{\"id\":1,\"ssh\":{}}}\n",
      std::string(200000, '[') + "\n",
      std::string("\0\xff\n", 3),
  };
  for (const std::string& line : lines) {
    const std::string answer =
        answer_to(line + "{\"do\":\"drop\",\"id\":\"" + id_of(0).text() + "\"}\n");
    EXPECT_TRUE(answer.contains("\"error\"")) << line.substr(0, 60) << ": " << answer;
  }
  // more than it talks to at once, and none says a word
  std::vector<Connection> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(*Connection::open(place().socket(), patience()));
  }
  EXPECT_EQ(client().list(patience())->size(), 1U) << "what follows a wrong line counts";
}

}  // namespace
}  // namespace carrel
