#include "keeper/protocol.hpp"

#include "base/names.hpp"
#include "keeper/address.hpp"
#include "os/clock.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using Kind = MachineAddress::Kind;

const WorkspaceId id = *WorkspaceId::parse("01jd8x00000123456789abcdef");

KeptWorkspace workspace() {
  KeptWorkspace kept{.id = id, .port = 8901, .socket = "/run/carrel/jupyter"};
  kept.ssh.host = "192.0.2.1";
  kept.ssh.user = "ubuntu";
  kept.ssh.identity = "/home/ada/.ssh/carrel \"1\"";
  kept.ssh.known_hosts = "/home/ada/known";
  kept.ssh.host_key_alias = "carrel-1";
  kept.ssh.proxy_command = "ssh login -W %h:%p";
  kept.ssh.keep_alive = std::chrono::seconds(7);
  kept.address = {"/usr/bin/carrel", "keeper-address", "1"};
  return kept;
}

TEST(KeeperProtocol, says_a_workspace_so_that_it_is_read_the_same) {
  auto line = request_line({KeeperDo::keep, workspace(), std::nullopt});
  ASSERT_TRUE(line.ends_with('\n'));
  line.pop_back();
  EXPECT_FALSE(line.contains('\n'));
  const auto request = parse_request(line);
  ASSERT_TRUE(request) << request.error().why;
  EXPECT_EQ(request->what, KeeperDo::keep);
  EXPECT_EQ(text_of(*request->workspace), text_of(workspace()));
  EXPECT_EQ(request->workspace->ssh.keep_alive, std::chrono::seconds(7));
}

TEST(KeeperProtocol, says_states_and_errors_so_that_they_are_read_the_same) {
  KeeperAnswer answer;
  answer.workspaces.push_back({.id = id, .port = 9, .state = LinkState::waiting, .why = "no \xff"});
  auto line = answer_line(answer);
  line.pop_back();
  const auto read = parse_answer(line);
  ASSERT_TRUE(read) << read.error().why;
  EXPECT_EQ(read->workspaces.at(0).state, LinkState::waiting);
  line = answer_line(fail({.what = "a", .why = "b\x1b[31m", .hint = "c", .trace = {}}));
  line.pop_back();
  const auto error = parse_answer(line);
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().what, "a");
  EXPECT_FALSE(error.error().why.contains('\x1b'));
}

TEST(KeeperProtocol, refuses_workspaces_that_cannot_be_kept) {
  const std::string good = request_line({KeeperDo::keep, workspace(), std::nullopt});
  struct Case {
    std::string from;
    std::string to;
  };
  const std::vector<Case> cases = {
      {"\"port\":8901", "\"port\":0"},
      {"\"port\":8901", "\"port\":65536"},
      {"\"port\":8901", "\"port\":-1"},
      {"\"port\":8901", "\"port\":\"8901\""},
      {"\"/run/carrel/jupyter\"", "\"jupyter\""},
      {id.text(), "../../../etc/passwd"},
      {"\"keep_alive\":7", "\"keep_alive\":0"},
      {"\"ssh\":{", "\"ssh\":[{"},
      {"\"keeper-address\"", "1"},
  };
  for (const Case& one : cases) {
    auto line = good.substr(0, good.size() - 1);
    const auto at = line.find(one.from);
    ASSERT_NE(at, std::string::npos) << one.from << " in " << line;
    line.replace(at, one.from.size(), one.to);
    EXPECT_FALSE(parse_request(line)) << line;
  }
}

TEST(KeeperProtocol, reads_a_greeting) {
  EXPECT_EQ(*parse_greeting("{\"keeper\":1}"), 1);
  EXPECT_EQ(*parse_greeting("{\"keeper\":12,\"more\":[]}"), 12);
  for (const char* wrong :
       {"", "{}", "1", "{\"keeper\":-1}", "{\"keeper\":1e99}", "{\"keeper\":\"1\"}"}) {
    EXPECT_FALSE(parse_greeting(wrong)) << wrong;
  }
}

TEST(KeeperAddress, is_known_unknown_or_none) {
  struct Case {
    std::string output;
    Kind kind;
    std::string host;
    std::optional<int> port;
  };
  const std::vector<Case> cases = {
      {"192.0.2.7\n", Kind::known, "192.0.2.7", std::nullopt},
      {"2001:db8::1\n", Kind::known, "2001:db8::1", std::nullopt},
      {"ec2.example.org 2222\n", Kind::known, "ec2.example.org", 2222},
      {"none\n", Kind::none, "", std::nullopt},
      {"unknown\n", Kind::unknown, "", std::nullopt},
      {"", Kind::unknown, "", std::nullopt},
      {"-oProxyCommand=evil\n", Kind::unknown, "", std::nullopt},
      {"host;reboot\n", Kind::unknown, "", std::nullopt},
      {"host 0\n", Kind::unknown, "", std::nullopt},
      {"host 70000\n", Kind::unknown, "", std::nullopt},
      {"one 2 three\n", Kind::unknown, "", std::nullopt},
      {"one\ntwo\n", Kind::unknown, "", std::nullopt},
      {std::string(300, 'a'), Kind::unknown, "", std::nullopt},
  };
  for (const Case& one : cases) {
    const MachineAddress address = parse_address(one.output);
    EXPECT_EQ(address.kind, one.kind) << one.output;
    EXPECT_EQ(address.host, one.host);
    EXPECT_EQ(address.port, one.port) << one.output;
  }
}

TEST(KeeperRetry, grows_to_half_a_minute_and_is_quick_while_somebody_waits) {
  const std::vector<int> alone = {1, 2, 4, 8, 16, 30, 30};
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(retry_delay(i + 1, false), std::chrono::seconds(alone[i]));
    EXPECT_LE(retry_delay(i + 1, true), std::chrono::seconds(2));
  }
  EXPECT_EQ(retry_delay(1000000, false), std::chrono::seconds(30));
}

}  // namespace
}  // namespace carrel
