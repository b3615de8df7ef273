#include "workspace/status.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "jupyter/client.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/elsewhere.hpp"
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
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr auto patience_for_kernels = Milliseconds(1500);
// For all machines together that are to be reached; for one that is asked for by its name.
constexpr auto patience_of_list = Milliseconds(3000);
constexpr auto patience_of_one = Milliseconds(10'000);
constexpr auto patience_for_places = Milliseconds(10'000);
constexpr std::size_t askers = 32;

// Everything the journal, the provider and the machine say of one workspace.
struct Known {
  WorkspaceRow row;
  std::optional<MachineRow> machine;
  std::optional<ServerRow> server;
  Observation seen{.state = MachineState::none};
  // Of a machine that runs and answers; apart, for a list of a thousand that do not.
  std::unique_ptr<Site> site = {};
  ServerState state = ServerState::none;
  std::string why = {};  // of a state that is dead or unknown
  std::optional<std::size_t> kernels = {};
};

std::optional<WallTime> since_of(MachineState machine, ServerState state,
                                 const std::optional<ServerRow>& server) {
  if (!server) return std::nullopt;
  if (machine == MachineState::running && state == ServerState::running) return server->started;
  if (state == ServerState::stopped) return server->stopped;
  if (state == ServerState::starting) return server->started;
  return std::nullopt;
}

// When a machine that runs powers itself off: so long after its start, or as was written down
// since.
std::optional<WallTime> end_of(const MachineRow& machine, const Observation& seen,
                               const Asked& asked) {
  if (!seen.since) return std::nullopt;
  if (machine.extension && machine.extension->made > *seen.since) return machine.extension->ends;
  return *seen.since + asked.hardware.lifetime;
}

WorkspaceStatus status_from(Known& known) {
  WorkspaceStatus status{.id = known.row.id, .name = known.row.name, .folder = known.row.folder};
  status.folder_exists = is_folder(known.row.folder);
  if (known.machine) {
    status.machine_ref = known.machine->machine;
    if (known.seen.state == MachineState::running && !known.machine->asked.empty()) {
      if (const auto asked = read_asked(known.machine->asked)) {
        status.per_hour = asked->offer.per_hour;
        status.ends = end_of(*known.machine, known.seen, *asked);
      }
    }
  }
  status.machine = known.seen.state;
  status.detail = known.seen.reason;
  if (known.seen.state == MachineState::running) {
    status.server = known.state;
    status.kernels = known.kernels;
    if (!known.why.empty()) status.detail = known.why;
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
    if (status.server == ServerState::running && known.site) {
      const auto path = landing_path(known.row.notebook);
      const auto& addresses = known.seen.addresses;
      status.url = server_url(*known.site, *known.server, path);
      status.public_url = public_url(*known.site, *known.server,
                                     addresses.empty() ? std::string() : addresses.front(), path);
    }
  }
  return status;
}

// What a provider is asked about its machines.
using Ask = std::function<Result<Listing>(Provider&, const std::vector<MachineRef>&)>;

void take_seen(std::vector<Known>& all, const std::vector<std::size_t>& indices,
               Result<Listing>& listing) {
  for (std::size_t k = 0; k < indices.size(); ++k) {
    auto& one = all[indices[k]].seen;
    if (listing && k < listing->seen.size()) {
      one = std::move(listing->seen[k]);
    } else {
      one = {.state = MachineState::unknown,
             .reason = listing ? "no answer" : listing.error().what};
    }
  }
}

// One question to each provider that has a machine of `all`, and to `also`. Of each machine `seen`
// is the answer; what else they say is given back.
Listing observe_all(const World& world, std::vector<Known>& all, const std::string& also,
                    const Ask& ask) {
  std::map<std::string, std::vector<std::size_t>> by_provider;
  if (!also.empty()) by_provider[also] = {};
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].machine && !all[i].machine->machine.ref.empty()) {
      by_provider[all[i].machine->machine.provider].push_back(i);
    }
  }
  Listing rest;
  for (const auto& [name, indices] : by_provider) {
    const auto found = world.providers.find(name);
    std::vector<MachineRef> machines;
    machines.reserve(indices.size());
    for (const auto i : indices) machines.push_back(all[i].machine->machine);
    auto listing = found == world.providers.end()
                       ? fail({.what = fmt::format("this Carrel does not know the place {}", name),
                               .trace = {}})
                       : ask(*found->second, machines);
    take_seen(all, indices, listing);
    if (!listing) {
      rest.unasked.push_back(std::move(listing).error());
      continue;
    }
    std::ranges::move(listing->elsewhere, std::back_inserter(rest.elsewhere));
    std::ranges::move(listing->unasked, std::back_inserter(rest.unasked));
  }
  return rest;
}

void ask_machine(const World& world, Journal& journal, Known& known,
                 std::unique_ptr<Channel> channel, const Wait& wait) {
  auto site = site_over(world, known.row, *known.machine, std::move(channel), wait);
  auto state = site ? observe_server(world, journal, *site, known.server, wait)
                    : std::unexpected(site.error());
  known.state = state.value_or(ServerState::unknown);
  if (!state) {
    known.why = state.error().reason == Reason::timed_out ? "its machine runs, and does not answer"
                                                          : state.error().what;
    return;
  }
  if (known.state == ServerState::dead) known.why = reason_of_end(*site, *known.server, wait);
  known.site = std::make_unique<Site>(std::move(*site));
}

// A few at a time.
template <class One>
void at_once(std::vector<One>& all, const std::function<void(One&)>& act) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (auto turn = next++; turn < all.size(); turn = next++) act(all[turn]);
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(askers, all.size()); ++i) threads.emplace_back(work);
  work();
}

// What the machines themselves say: this computer with all the time it takes, the others all at
// once and within `patience`.
void ask_machines(const World& world, Journal& journal, std::vector<Known>& all,
                  Milliseconds patience, const Wait& wait) {
  struct Question {
    Known* known;
    std::unique_ptr<Channel> channel;
  };
  const auto bounded = wait.sooner(patience);
  std::vector<Question> elsewhere;
  for (auto& known : all) {
    if (known.seen.state != MachineState::running) continue;
    // The ways there first: a provider has one caller at a time.
    auto& provider = *world.providers.at(known.machine->machine.provider);
    auto channel = provider.channel_as_seen(known.machine->machine, known.seen, bounded);
    if (!channel) {
      known.state = ServerState::unknown;
      known.why = channel.error().what;
    } else if (provider.facts().this_computer) {
      ask_machine(world, journal, known, std::move(*channel), wait);
    } else {
      elsewhere.push_back({.known = &known, .channel = std::move(*channel)});
    }
  }
  at_once<Question>(elsewhere, [&](Question& question) {
    auto own_journal = Journal::open(world.paths.journal());  // one thread an object
    if (!own_journal) {
      question.known->state = ServerState::unknown;
      question.known->why = own_journal.error().what;
      return;
    }
    ask_machine(world, *own_journal, *question.known, std::move(question.channel), bounded);
  });
}

// One short question to each server that runs; no answer leaves the number open.
void count_kernels(const World& world, std::vector<Known>& all, const Wait& wait) {
  std::vector<Known*> running;
  for (auto& known : all) {
    if (known.site && known.state == ServerState::running) running.push_back(&known);
  }
  const auto bounded = wait.sooner(patience_for_kernels);
  at_once<Known*>(running, [&](Known*& known) {
    auto client = client_of(world, *known->site, *known->server, bounded);
    auto kernels = client ? client->kernels(bounded) : std::unexpected(client.error());
    if (kernels) known->kernels = kernels->size();
  });
}

// What the journal says of all.
Result<std::vector<Known>> all_of(Journal& journal) {
  auto machines = TRY(journal.machines());
  auto rows = TRY(journal.listing());
  std::vector<Known> all;
  all.reserve(rows.size());
  std::map<WorkspaceId, Known*> by_id;
  for (auto& row : rows) {
    all.push_back({.row = std::move(row)});
    auto& known = all.back();
    by_id.emplace(known.row.id, &known);
    if (const auto found = machines.find(known.row.id); found != machines.end())
      known.machine = std::move(found->second);
  }
  for (auto& server : TRY(journal.servers())) {
    if (const auto found = by_id.find(server.workspace); found != by_id.end())
      found->second->server = std::move(server);
  }
  return all;
}

Result<Known> known_of(const World& world, Journal& journal, const WorkspaceRow& row,
                       const Wait& wait) {
  std::vector<Known> one;
  one.push_back(
      {.row = row, .machine = TRY(journal.machine(row.id)), .server = TRY(journal.server(row.id))});
  observe_all(world, one, {},
              [&](Provider& provider, const std::vector<MachineRef>& machines) -> Result<Listing> {
                return Listing{.seen = TRY(provider.observe(machines, wait))};
              });
  ask_machines(world, journal, one, patience_of_one, wait);
  return std::move(one[0]);
}

}  // namespace

Result<WorkspaceStatus> status_of(const World& world, Journal& journal, const WorkspaceRow& row,
                                  const Wait& wait) {
  auto known = TRY(known_of(world, journal, row, wait));
  return status_from(known);
}

Result<WorkspaceList> Workspaces::list(const ListRequest& request, const Wait& wait) {
  if (!request.also_on.empty()) TRY(provider_named(world_, request.also_on));
  auto all = TRY(all_of(journal_));
  const auto bounded = wait.sooner(patience_for_places);
  auto rest = observe_all(
      world_, all, request.also_on, [&](Provider& provider, const std::vector<MachineRef>& asked) {
        const bool also = provider.name() == request.also_on;
        return provider.list(asked, also ? Places::usual_too : Places::of_these, bounded);
      });
  ask_machines(world_, journal_, all, patience_of_list, wait);
  if (request.ask_kernels) count_kernels(world_, all, wait);
  WorkspaceList list{.all = {}, .unasked = std::move(rest.unasked)};
  list.all.reserve(all.size() + rest.elsewhere.size());
  for (auto& known : all) list.all.push_back(status_from(known));
  if (rest.elsewhere.empty()) return list;
  std::set<WorkspaceId> known_ids;
  for (const auto& known : all) known_ids.insert(known.row.id);
  std::ranges::move(statuses_elsewhere(rest.elsewhere, known_ids), std::back_inserter(list.all));
  return list;
}

Result<WorkspaceDetails> Workspaces::details(const WorkspaceRow& row, const Wait& wait) {
  auto known = TRY(known_of(world_, journal_, row, wait));
  WorkspaceDetails details{.status = status_from(known)};
  auto& status = details.status;
  if (auto proof = read_proof(row.proof)) status.python = proof->python;
  auto& site = known.site;
  if (!site) return details;
  details.log = site->log();
  if (!row.environment_json.empty()) {
    const auto environment = TRY(PreparedEnvironment::from_json(row.environment_json));
    status.environment = environment.summary;
    details.added_by_hand =
        site->environments().added_by_hand(environment, wait).value_or(std::vector<std::string>{});
  }
  if (status.server == ServerState::running) {
    auto client = client_of(world_, *site, *known.server, wait);
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
