// A workspace whose server runs, and the client that speaks to it.
#pragma once

#include "base/error.hpp"
#include "jupyter/client.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/site.hpp"
#include "workspace/world.hpp"

namespace carrel {

struct Running {
  Site site;
  ServerRow server;
  JupyterClient client;
};

// Not up: an error that says what it is, and how to start it.
Result<Running> running(const World& world, Journal& journal, const WorkspaceRow& row,
                        const Wait& wait);

}  // namespace carrel
