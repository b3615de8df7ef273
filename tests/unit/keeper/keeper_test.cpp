// The whole keeper: a process, a real sshd, bytes.
#include "keeper/keeper.hpp"

#include "fakes/local_server.hpp"
#include "fakes/local_sshd.hpp"
#include "unit/keeper/fixture.hpp"

#include <string>

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

class Keeper : public KeeperTest {
 protected:
  LocalSshd sshd;
};

TEST_F(Keeper, carries_bytes_both_ways_through_ssh) {
  LocalServer server(echo, socket());
  const auto kept = client().keep({workspace(sshd)}, patience());
  ASSERT_TRUE(kept) << kept.error().what << ": " << kept.error().why;
  Browser browser(workspace(sshd).port);
  EXPECT_TRUE(browser.say("hello\n"));
  EXPECT_EQ(browser.hear(15), "you said hello\n");
  EXPECT_TRUE(browser.say("again\n"));
  EXPECT_EQ(browser.hear(15), "you said again\n");
}

TEST_F(Keeper, ends_with_the_last_workspace) {
  ASSERT_TRUE(client().keep({workspace(sshd, 0), workspace(sshd, 1)}, patience()));
  EXPECT_TRUE(client().drop(id_of(0), patience()));
  EXPECT_EQ(state(1).why.contains("(not kept)"), false);
  EXPECT_TRUE(client().drop(id_of(1), patience()));
  EXPECT_TRUE(becomes_true([&] { return !is_running() && !keeper(); }));
}

}  // namespace
}  // namespace carrel
