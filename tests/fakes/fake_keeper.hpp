// Remembers what it was told to keep.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "keeper/client.hpp"
#include "keeper/protocol.hpp"
#include "os/wait.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace carrel {

class FakeKeeper final : public PortKeeper {
 public:
  Result<> keep(const std::vector<KeptWorkspace>& workspaces, const Wait& /*wait*/) override {
    for (const auto& one : workspaces) kept.insert_or_assign(one.id.text(), one);
    return {};
  }
  Result<> drop(const WorkspaceId& id, const Wait& /*wait*/) override {
    kept.erase(id.text());
    return {};
  }
  Result<> rest(const WorkspaceId& id, const Wait& /*wait*/) override {
    rested.insert(id.text());
    return {};
  }
  Result<std::vector<KeptState>> list(const Wait& /*wait*/) override {
    std::vector<KeptState> all;
    for (const auto& [id, one] : kept) all.push_back({.id = one.id, .port = one.port});
    return all;
  }
  std::map<std::string, KeptWorkspace> kept;
  std::set<std::string> rested;
};

}  // namespace carrel
