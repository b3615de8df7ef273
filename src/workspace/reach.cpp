#include "workspace/reach.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_target.hpp"  // IWYU pragma: keep (what a way is)
#include "jupyter/certificate.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/ports.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"
#include "workspace/world.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr const char* certificate_file = "certificate.pem";
constexpr const char* key_file = "key.pem";
constexpr std::uint16_t first_port = 8888;  // Jupyter's own

Error port_taken(std::uint16_t port, std::string_view hint) {
  const auto holder = port_holder(port);
  std::string why = "another program listens there";
  if (holder && holder->pid != 0) {
    why =
        fmt::format("{} (process {}, user {}) has it", holder->program, holder->pid, holder->user);
  } else if (holder) {
    why = fmt::format("a program of user {} has it", holder->user);
  }
  return {.what = fmt::format("port {} is taken", port),
          .why = std::move(why),
          .hint = std::string(hint),
          .reason = Reason::busy,
          .trace = {}};
}

Error port_of_another(std::uint16_t port, const std::string& name) {
  return {.what = fmt::format("port {} is taken", port),
          .why = fmt::format("it is the workspace {}'s, also while that is stopped", name),
          .hint = "leave out the port and a free one is found",
          .reason = Reason::busy,
          .trace = {}};
}

// Under which its certificate is looked at.
std::vector<std::string> names_of(const Site& site) {
  const auto* way = site.channel->way();
  return way == nullptr ? host_names() : std::vector{way->host};
}

// Its server may still have the public door that it was started with.
bool was_made_private(const WorkspaceRow& row) {
  const auto flags = parse_spec(row.flags, "the journal");
  return flags && !flags->public_reach.value_or(true);
}

}  // namespace

Result<bool> ensure_certificate(Site& site, WallTime now, Progress& progress, const Wait& wait) {
  const auto certificates = site.certificates();
  const auto names = names_of(site);
  if (const auto pem = site.channel->get(certificates / certificate_file, wait)) {
    const auto facts = read_certificate(*pem);
    if (facts && !needs_renewal(*facts, names, now) &&
        site.channel->get(certificates / key_file, wait)) {
      return false;
    }
  }
  const auto made = TRY(make_certificate(names, now));
  // Cut off between the two, no certificate meets a wrong key.
  TRY(site.channel->remove(certificates / certificate_file, wait));
  TRY(site.channel->put(certificates,
                        {{.path = key_file, .bytes = made.key_pem.reveal(), .mode = 0600},
                         {.path = certificate_file, .bytes = made.certificate_pem, .mode = 0600}},
                        wait));
  progress.note("made a new certificate: the browser will show a new fingerprint");
  return true;
}

Result<Ports> ports_for(const World& world, Journal& journal, const WorkspaceId& id, bool is_here,
                        const Wait& wait) {
  Ports ports{.never_changes = !is_here};
  std::map<WorkspaceId, std::string> names;
  for (const auto& row : TRY(journal.listing())) names.emplace(row.id, row.name.text());
  std::uint16_t own = 0;
  for (const auto& server : TRY(journal.servers())) {
    if (server.workspace == id) {
      own = server.port;
    } else {
      ports.of_others.emplace(server.port, names[server.workspace]);
    }
  }
  if (is_here || own == 0) return ports;
  ports.kept = std::ranges::any_of(TRY(world.keeper.list(wait)), [&](const KeptState& one) {
    return one.id == id && one.port == own;
  });
  return ports;
}

Result<std::uint16_t> choose_port(std::uint16_t wished, std::uint16_t last, const Ports& ports,
                                  const std::string& ip) {
  const auto can_be_had = [&](std::uint16_t port) {
    return (ports.kept && port == last) || port_is_free(ip, port);
  };
  if (ports.never_changes && wished == last) wished = 0;  // it is the workspace's already
  if (wished != 0) {
    if (const auto owner = ports.of_others.find(wished); owner != ports.of_others.end()) {
      return fail(port_of_another(wished, owner->second));
    }
    if (can_be_had(wished)) return wished;
    return fail(
        port_taken(wished, "leave out the port and a free one is found, or stop that program"));
  }
  if (last != 0 && can_be_had(last)) return last;
  if (last != 0 && ports.never_changes) {
    return fail(port_taken(last,
                           "stop that program; or carrel up --port PORT gives the workspace "
                           "another port, which pages that are still open do not know"));
  }
  for (auto from = first_port;;) {
    const auto port = TRY(free_port(ip, from));
    if (!ports.of_others.contains(port)) return port;
    from = std::max<std::uint16_t>(first_port, static_cast<std::uint16_t>(port + 1));
  }
}

Result<ServerDoor> choose_door(const Spec& spec, const std::optional<ServerRow>& last,
                               const Ports& ports, const Site& site, Progress& progress) {
  ServerDoor door{.port_asked_for = spec.port.has_value()};
  if (spec.public_reach.value_or(false)) {
    door.public_reach = true;
    if (site.is_here()) door.ip = "0.0.0.0";
    door.certificate = site.certificates() / certificate_file;
    door.key = site.certificates() / key_file;
  }
  const std::uint16_t before = last ? last->port : 0;
  door.port = TRY(choose_port(spec.port.value_or(0), before, ports, door.ip));
  if (before != 0 && before != door.port && !spec.port) {
    progress.note(fmt::format("port {} is taken now; using {}", before, door.port));
  }
  return door;
}

std::string certificate_fingerprint(Site& site, const Wait& wait) {
  const auto pem = site.channel->get(site.certificates() / certificate_file, wait);
  if (!pem) return {};
  const auto facts = read_certificate(*pem);
  return facts ? facts->fingerprint : std::string();
}

Result<> open_public_port(const Site& site, const Wait& wait) {
  return site.provider->open_port(site.machine.machine, public_port, wait);
}

Result<std::optional<WorkspaceName>> close_public_port(const World& world, Journal& journal,
                                                       const MachineRow& machine,
                                                       const Wait& wait) {
  auto* provider = TRY(provider_named(world, machine.machine.provider));
  if (provider->facts().this_computer) return std::nullopt;
  const auto machines = TRY(journal.machines());
  for (const auto& server : TRY(journal.servers())) {
    if (!server.public_reach || server.workspace == machine.workspace) continue;
    const auto other = machines.find(server.workspace);
    if (other != machines.end() && other->second.machine.provider == machine.machine.provider &&
        other->second.machine.place == machine.machine.place) {
      const auto row = TRY(journal.by_id(server.workspace));
      if (row && !was_made_private(*row)) return row->name;
    }
  }
  TRY(provider->close_port(machine.machine, public_port, wait));
  return std::nullopt;
}

}  // namespace carrel
