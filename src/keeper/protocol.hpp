// What is said on the keeper's socket, as values: docs/development/keeper.md. Pure; every line is
// hostile.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "channel/ssh_target.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

constexpr int keeper_protocol = 1;
constexpr std::size_t longest_keeper_line = 65536;

struct KeptWorkspace {
  WorkspaceId id;
  std::uint16_t port = 0;
  // `host` may be empty when `address` is not; `folder` is the keeper's affair
  SshTarget ssh;
  std::filesystem::path socket;  // the workspace's, on the machine
  std::uint16_t machine_port =
      0;  // a port of the machine's loopback in place of `socket`; here only
  std::vector<std::string> address;  // a program that prints where the machine is now, or empty
};

enum class LinkState { connecting, up, waiting };

struct KeptState {
  WorkspaceId id;
  std::uint16_t port = 0;
  LinkState state = LinkState::connecting;
  std::string why;       // it is not up; for people
  std::string host;      // where the machine was last
  std::size_t held = 0;  // connections
  std::size_t open = 0;
};

enum class KeeperDo { keep, rest, drop, list, end };
struct KeeperRequest {
  KeeperDo what = KeeperDo::list;
  std::optional<KeptWorkspace> workspace;  // keep
  std::optional<WorkspaceId> id;           // rest, drop
};
struct KeeperAnswer {
  std::vector<KeptState> workspaces;  // list
  std::vector<KeptWorkspace> kept;    // end; what cannot be read is left out
};

// Lines end with '\n' when written, have none when read.
std::string greeting_line();
std::string request_line(const KeeperRequest& request);
std::string answer_line(const Result<KeeperAnswer>& answer);
// Says whether two mean the same.
std::string text_of(const KeptWorkspace& workspace);

Result<int> parse_greeting(std::string_view line);
Result<KeeperRequest> parse_request(std::string_view line);
Result<KeeperAnswer> parse_answer(std::string_view line);  // also the keeper's own error

std::string_view text_of(LinkState state);

}  // namespace carrel
