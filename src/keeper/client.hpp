// What a command says to the keeper. Every function talks to the keeper of this person and returns
// within its Wait; Reason::timed_out, interrupted, refused (the keeper's own words).
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "keeper/keeper.hpp"
#include "keeper/protocol.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <string>
#include <utility>
#include <vector>

namespace carrel {

// Keeps the local ports of workspaces that run elsewhere, when this program has ended.
class PortKeeper {
 public:
  virtual ~PortKeeper() = default;
  virtual Result<> keep(const std::vector<KeptWorkspace>& workspaces, const Wait& wait) = 0;
  // Its machine was stopped: the port stays, and connections wait. Without a workspace that is up
  // the keeper ends, and the port is the workspace's by the journal alone.
  virtual Result<> rest(const WorkspaceId& id, const Wait& wait) = 0;
  virtual Result<> drop(const WorkspaceId& id, const Wait& wait) = 0;
  virtual Result<std::vector<KeptState>> list(const Wait& wait) = 0;
};

class KeeperClient final : public PortKeeper {
 public:
  // `starter`: the program and arguments that start a keeper for `place` and end at once.
  KeeperClient(Processes& processes, Environment environment, KeeperPlace place,
               std::vector<std::string> starter)
      : processes_(processes),
        environment_(std::move(environment)),
        place_(std::move(place)),
        starter_(std::move(starter)) {}

  // Their ports are open when it returns, their links are being made. A keeper is started if there
  // is none, an older one is replaced. All that should be kept may be told each time: what is kept
  // already costs nothing. The first that fails ends it.
  Result<> keep(const std::vector<KeptWorkspace>& workspaces, const Wait& wait) override;
  // Done also when it was not kept, or there is no keeper.
  Result<> rest(const WorkspaceId& id, const Wait& wait) override;
  Result<> drop(const WorkspaceId& id, const Wait& wait) override;
  // Empty when there is no keeper.
  Result<std::vector<KeptState>> list(const Wait& wait) override;

 private:
  Result<> start(const Wait& wait);

  Processes& processes_;
  Environment environment_;
  KeeperPlace place_;
  std::vector<std::string> starter_;
};

}  // namespace carrel
