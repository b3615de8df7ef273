// What the life of workspaces needs of the outside, made by main and handed down.
#pragma once

#include "channel/channel.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"
#include "os/random.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

namespace carrel {

struct World {
  Clock& clock;
  Random& random;
  Http& http;
  Providers providers;
  Channel& here;         // to this computer
  WorkspacePaths paths;  // on this computer
};

}  // namespace carrel
