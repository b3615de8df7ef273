// A workspace together with its machine and the way there: what every act of its life begins with.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/world.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct Site {
  WorkspaceRow row;
  MachineRow machine;
  Provider* provider = nullptr;
  std::unique_ptr<Channel> channel;
  WorkspacePaths paths;          // on the machine
  std::filesystem::path folder;  // the workspace's, on the machine
  std::string login;             // who the channel is there; "": the person, on this computer

  Environments environments() const { return {*channel, paths.environment()}; }
  std::filesystem::path folder_of_state() const { return paths.of(row.id); }
  std::filesystem::path certificates() const { return folder_of_state() / "certificate"; }
  bool is_here() const { return provider->facts().this_computer; }
  std::filesystem::path log() const { return folder_of_state() / "server.log"; }
};

// What may be tried, shown before anything is paid for.
struct Plan {
  std::vector<Offer> offers;  // in this order
  Hardware hardware;
};

struct MachineWish {
  std::string provider;
  Hardware hardware = {};
  std::optional<Plan> plan = {};     // what the person has agreed to; none: nothing is paid for
  std::string accept_host_key = {};  // a fingerprint that the person vouches for; "": none
};

// The provider of this name; the nearest known one in the hint.
Result<Provider*> provider_named(const World& world, std::string_view name);

// The offers that can be tried, best first; none can: an error that says what stands in the way.
Result<Plan> plan_for(Provider& provider, const Hardware& hardware, const Wait& wait);

// Makes or starts the workspace's machine where needed (journalled first) and waits until it runs.
Result<Site> make_site(const World& world, Journal& journal, const WorkspaceRow& row,
                       const MachineWish& wish, Progress& progress, const Wait& wait);
// The workspace as it is; its machine's ref is known.
Result<Site> reach_site(const World& world, const WorkspaceRow& row, const MachineRow& machine,
                        const Wait& wait);
// The same over a channel that is there.
Result<Site> site_over(const World& world, const WorkspaceRow& row, const MachineRow& machine,
                       std::unique_ptr<Channel> channel, const Wait& wait);
// The same by the journal; a workspace that has no machine (yet) is an error with its next step.
Result<Site> reach_site(const World& world, Journal& journal, const WorkspaceRow& row,
                        const Wait& wait);

}  // namespace carrel
