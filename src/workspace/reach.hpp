// How a workspace is reached from this computer: its port, and what a public door needs.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"
#include "workspace/world.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace carrel {

// Of a machine that is not this computer; here it is the workspace's port.
inline constexpr std::uint16_t public_port = 8888;

struct ServerDoor {
  std::string ip = "127.0.0.1";
  std::uint16_t port = 0;
  bool port_asked_for = false;
  bool public_reach = false;
  std::filesystem::path certificate;  // empty: plain HTTP
  std::filesystem::path key;
};

// Whose the ports of this computer are, as seen by one workspace.
struct Ports {
  std::map<std::uint16_t, std::string> of_others;  // by the journal; names of workspaces
  bool never_changes = false;                      // the workspace's own: it runs elsewhere
  bool kept = false;                               // and the keeper has it open
};
Result<Ports> ports_for(const World& world, Journal& journal, const WorkspaceId& id, bool is_here,
                        const Wait& wait);

// The port that `wished` says (0: none does), else that of last time (0: none), else the first free
// one from 8888 on. A port of another workspace is never taken, whether that is up or not. What is
// wished for and cannot be had is an error that says who has it; so is the last one where it never
// changes.
Result<std::uint16_t> choose_port(std::uint16_t wished, std::uint16_t last, const Ports& ports,
                                  const std::string& ip = "127.0.0.1");

// With such a port; a changed one is said. Its certificate is `ensure_certificate`'s.
Result<ServerDoor> choose_door(const Spec& spec, const std::optional<ServerRow>& last,
                               const Ports& ports, const Site& site, Progress& progress);

// A certificate for the site's machine, by its names and addresses, in its folder `certificates`:
// made when there is none, when it covers a name or address no longer, or when it has less than 30
// days left. True: it is a new one (said).
Result<bool> ensure_certificate(Site& site, WallTime now, Progress& progress, const Wait& wait);

// SHA-256 of that certificate, as browsers show it; "" if there is none.
std::string certificate_fingerprint(Site& site, const Wait& wait);

// Lets others reach the machine's own door, where that is not this computer, or closes it again.
// The workspaces of one place share what stands before their machines: it stays open for another
// that is public, which is the answer.
Result<> open_public_port(const Site& site, const Wait& wait);
Result<std::optional<WorkspaceName>> close_public_port(const World& world, Journal& journal,
                                                       const MachineRow& machine, const Wait& wait);

}  // namespace carrel
