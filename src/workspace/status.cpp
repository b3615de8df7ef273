#include "workspace/status.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "environment/environment.hpp"
#include "jupyter/client.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/intent.hpp"
#include "workspace/journal.hpp"
#include "workspace/proof.hpp"
#include "workspace/provider.hpp"
#include "workspace/server.hpp"
#include "workspace/site.hpp"
#include "workspace/state.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// A machine that does not vouch for itself yet keeps nobody from seeing the others, or from
// stopping it.
constexpr auto patience_for_a_look = Milliseconds(10'000);
constexpr auto patience_for_kernels = Milliseconds(1500);
constexpr std::size_t askers = 8;

// Everything the journal and the provider say of one workspace.
struct Known {
  WorkspaceRow row;
  std::optional<MachineRow> machine;
  std::optional<ServerRow> server;
  Observation seen{.state = MachineState::none};
};

std::optional<WallTime> since_of(MachineState machine, ServerState state,
                                 const std::optional<ServerRow>& server) {
  if (!server) return std::nullopt;
  if (machine == MachineState::running && state == ServerState::running) return server->started;
  if (state == ServerState::stopped) return server->stopped;
  if (state == ServerState::starting) return server->started;
  return std::nullopt;
}

WorkspaceStatus status_from(const World& world, Journal& journal, Known& known, const Wait& wait) {
  WorkspaceStatus status{.id = known.row.id, .name = known.row.name, .folder = known.row.folder};
  status.folder_exists = is_folder(known.row.folder);
  if (known.machine) {
    status.machine_ref = known.machine->machine;
    if (known.seen.state == MachineState::running && !known.machine->asked.empty()) {
      if (const auto asked = read_asked(known.machine->asked)) {
        status.per_hour = asked->offer.per_hour;
      }
    }
  }
  status.machine = known.seen.state;
  status.detail = known.seen.reason;
  if (known.seen.state == MachineState::running) {
    auto site = reach_site(world, known.row, *known.machine, wait.sooner(patience_for_a_look));
    auto state = site ? observe_server(world, journal, *site->channel, known.server, wait)
                      : std::unexpected(site.error());
    status.server = state.value_or(ServerState::unknown);
    if (!state) status.detail = state.error().what;
    if (status.server == ServerState::dead)
      status.detail = reason_of_end(*site, *known.server, wait);
  } else if (known.seen.state == MachineState::unknown) {
    status.server = ServerState::unknown;
  } else if (known.server) {
    status.server = ServerState::stopped;
  }
  status.word = word_for(status.machine, status.server);
  status.since = since_of(status.machine, status.server, known.server);
  if (known.row.wanted == Wanted::removed) {
    status.word = "unfinished";
    status.detail =
        fmt::format("its removal was cut off: carrel rm {} completes it", known.row.name.text());
  } else if (!status.folder_exists) {
    status.detail = "its folder is not there any more";
  }
  if (known.server) {
    status.public_reach = known.server->public_reach;
    status.port = known.server->port;
    if (status.server == ServerState::running) {
      status.url = server_url(*known.server, landing_path(known.row.notebook));
    }
  }
  return status;
}

Result<> observe_all(const World& world, std::vector<Known>& all, const Wait& wait) {
  std::map<std::string, std::vector<std::size_t>> by_provider;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].machine && !all[i].machine->machine.ref.empty()) {
      by_provider[all[i].machine->machine.provider].push_back(i);
    }
  }
  for (const auto& [name, indices] : by_provider) {
    const auto found = world.providers.find(name);
    std::vector<MachineRef> machines;
    machines.reserve(indices.size());
    for (const auto i : indices) machines.push_back(all[i].machine->machine);
    auto seen = found == world.providers.end()
                    ? fail({.what = fmt::format("this Carrel does not know the place {}", name),
                            .trace = {}})
                    : found->second->observe(machines, wait);
    for (std::size_t k = 0; k < indices.size(); ++k) {
      auto& one = all[indices[k]].seen;
      if (seen && k < seen->size()) {
        one = std::move((*seen)[k]);
      } else {
        one = {.state = MachineState::unknown, .reason = seen ? "no answer" : seen.error().what};
      }
    }
  }
  return {};
}

// One short question to each server that runs, a few at a time; no answer leaves the number open.
void count_kernels(const World& world, const std::vector<Known>& all,
                   std::vector<WorkspaceStatus>& statuses, const Wait& wait) {
  struct Question {
    Site site;
    JupyterClient client;
    WorkspaceStatus* status;
  };
  // The ways there first: a provider has one caller at a time.
  std::vector<Question> running;
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i].server != ServerState::running) continue;
    auto site = reach_site(world, all[i].row, *all[i].machine, wait);
    if (!site) continue;
    if (auto client = client_of(world, *site, *all[i].server, wait)) {
      running.push_back({std::move(*site), std::move(*client), &statuses[i]});
    }
  }
  std::atomic<std::size_t> next = 0;
  auto ask = [&] {
    for (auto turn = next++; turn < running.size(); turn = next++) {
      const auto kernels = running[turn].client.kernels(wait.sooner(patience_for_kernels));
      if (kernels) running[turn].status->kernels = kernels->size();
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(askers, running.size()); ++i) threads.emplace_back(ask);
  ask();
}

}  // namespace

Result<WorkspaceStatus> status_of(const World& world, Journal& journal, const WorkspaceRow& row,
                                  const Wait& wait) {
  std::vector<Known> one{
      {.row = row, .machine = TRY(journal.machine(row.id)), .server = TRY(journal.server(row.id))}};
  TRY(observe_all(world, one, wait));
  return status_from(world, journal, one.front(), wait);
}

Result<std::vector<WorkspaceStatus>> Workspaces::list(bool ask_kernels, const Wait& wait) {
  auto machines = TRY(journal_.machines());
  std::map<WorkspaceId, ServerRow> servers;
  for (auto& server : TRY(journal_.servers())) servers.emplace(server.workspace, std::move(server));
  auto rows = TRY(journal_.listing());
  std::vector<Known> all;
  all.reserve(rows.size());
  for (auto& row : rows) {
    Known known{.row = std::move(row)};
    if (const auto found = machines.find(known.row.id); found != machines.end())
      known.machine = std::move(found->second);
    if (const auto found = servers.find(known.row.id); found != servers.end())
      known.server = std::move(found->second);
    all.push_back(std::move(known));
  }
  TRY(observe_all(world_, all, wait));
  std::vector<WorkspaceStatus> statuses;
  statuses.reserve(all.size());
  for (auto& known : all) statuses.push_back(status_from(world_, journal_, known, wait));
  if (ask_kernels) count_kernels(world_, all, statuses, wait);
  return statuses;
}

Result<WorkspaceDetails> Workspaces::details(const WorkspaceRow& row, const Wait& wait) {
  WorkspaceDetails details{.status = TRY(status_of(world_, journal_, row, wait))};
  auto& status = details.status;
  if (auto proof = read_proof(row.proof)) status.python = proof->python;
  const auto machine = TRY(journal_.machine(row.id));
  if (!machine || machine->machine.ref.empty()) return details;
  auto site = reach_site(world_, row, *machine, wait);
  if (!site) return details;
  details.log = site->log();
  if (!row.environment_json.empty()) {
    const auto environment = TRY(PreparedEnvironment::from_json(row.environment_json));
    status.environment = environment.summary;
    details.added_by_hand =
        site->environments().added_by_hand(environment, wait).value_or(std::vector<std::string>{});
  }
  const auto server = TRY(journal_.server(row.id));
  if (status.server == ServerState::running) {
    auto client = client_of(world_, *site, *server, wait);
    auto kernels = client ? client->kernels(wait.sooner(patience_for_kernels))
                          : std::unexpected(client.error());
    if (kernels) {
      status.kernels = kernels->size();
      details.kernels = std::move(*kernels);
    } else {
      status.detail = fmt::format("its process lives, but the server does not answer: {}",
                                  kernels.error().what);
    }
  } else if (status.server == ServerState::dead) {
    details.log_end = end_of_log(*site, wait);
  }
  return details;
}

}  // namespace carrel
