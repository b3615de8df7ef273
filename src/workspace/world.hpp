// What the life of workspaces needs of the outside, made by main and handed down.
#pragma once

#include "channel/channel.hpp"
#include "keeper/client.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"
#include "os/random.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

#include <string>
#include <vector>

namespace carrel {

struct World {
  Clock& clock;
  Random& random;
  Http& http;
  Providers providers;
  Channel& here;         // to this computer
  WorkspacePaths paths;  // on this computer
  PortKeeper& keeper;    // of workspaces that run elsewhere
  // The program and arguments that print where a workspace's machine is now, but for its id.
  std::vector<std::string> address_program = {};
  // Likewise those that carry one connection to its ssh port.
  std::vector<std::string> proxy_program = {};
};

}  // namespace carrel
