// The Jupyter server of one workspace, over its machine's channel (docs/development/server.md is
// what runs there).
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/secret.hpp"
#include "jupyter/client.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"
#include "workspace/state.hpp"
#include "workspace/world.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace carrel {

struct ServerRequest {
  Spec spec;
  PreparedEnvironment environment;
  std::filesystem::path python;  // of Carrel's own Jupyter
};

// What is known without asking the server itself: its process on the machine. `row` none:
// ServerState::none. A start that was cut off between the act and its record, and one by the
// machine's service manager (`started` is then later than `ready`), is found again and recorded;
// but what a boot has brought back after a
// stop that was asked for counts as stopped.
Result<ServerState> observe_server(const World& world, Journal& journal, Site& site,
                                   std::optional<ServerRow>& row, const Wait& wait);

// Starts it and waits until it answers. The journal's row is written before, and completed after.
Result<ServerRow> start_server(const World& world, Journal& journal, Site& site,
                               const ServerRequest& request, Progress& progress, const Wait& wait);
// Ends it and everything below it; already stopped: done.
Result<> stop_server(const World& world, Journal& journal, Site& site, const Wait& wait);

Result<JupyterClient> client_of(const World& world, Site& site, const ServerRow& row,
                                const Wait& wait);

// Variables of the person's shell that reach neither the server nor what runs in the workspace, nor
// Carrel's own.
std::vector<std::string> variables_kept_out();

// Where this computer reaches it: http(s)://HOST:PORT and a path; no secret in it.
std::string server_url(const Site& site, const ServerRow& row, std::string_view path);
// Where others reach it: the same, or the machine's own door at `address`. "": they do not.
std::string public_url(const Site& site, const ServerRow& row, const std::string& address,
                       std::string_view path);
// Where people land: JupyterLab, with the notebook if there is one.
std::string landing_path(std::string_view notebook);

// Why a server that should run does not, and the last lines of its log.
std::string reason_of_end(Site& site, const ServerRow& row, const Wait& wait);
// Opens the port of a server that runs elsewhere, on this computer, for as long as it is kept.
Result<> keep_port(const World& world, const Site& site, const ServerRow& row, const Wait& wait);

std::string end_of_log(Site& site, const Wait& wait);

}  // namespace carrel
