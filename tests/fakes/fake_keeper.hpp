// Remembers what it was told to keep.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "keeper/client.hpp"
#include "keeper/protocol.hpp"
#include "os/wait.hpp"

#include <map>
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
  std::map<std::string, KeptWorkspace> kept;
};

}  // namespace carrel
