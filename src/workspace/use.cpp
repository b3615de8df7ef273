// What one does with a workspace that is up: its addresses, a command, its log; and the cache they
// share.
#include "base/error.hpp"
#include "base/names.hpp"
#include "base/secret.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "jupyter/client.hpp"
#include "jupyter/server_config.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/running.hpp"
#include "workspace/server.hpp"
#include "workspace/site.hpp"
#include "workspace/state.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// A page that takes the browser to `url` and holds the secret instead of the browser's argument
// list.
std::string redirect_page(const Secret& url) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"referrer\" "
      "content=\"no-referrer\">"
      "<meta http-equiv=\"refresh\" content=\"0;url={0}\"><title>Carrel</title></head>"
      "<body><p><a href=\"{0}\">Open the notebook</a></p></body></html>\n",
      url.reveal());
}

}  // namespace

Result<Running> running(const World& world, Journal& journal, const WorkspaceRow& row,
                        const Wait& wait) {
  auto site = TRY(reach_site(world, journal, row, wait));
  auto server = TRY(journal.server(row.id));
  const auto state = TRY(observe_server(world, journal, site, server, wait));
  if (state != ServerState::running) {
    return fail({.what = fmt::format("{} is not up ({})", row.name.text(),
                                     word_for(MachineState::running, state)),
                 .why = {},
                 .hint = fmt::format("carrel start {}", row.name.text()),
                 .reason = Reason::not_found,
                 .trace = {}});
  }
  auto client = TRY(client_of(world, site, *server, wait));
  TRY(keep_port(world, site, *server, wait));
  return Running{std::move(site), std::move(*server), std::move(client)};
}

Result<Secret> Workspaces::ticket_url(const WorkspaceRow& row, const Wait& wait) {
  auto up = TRY(running(world_, journal_, row, wait));
  const auto ticket = TRY(up.client.make_ticket(landing_path(row.notebook), wait));
  return Secret(server_url(up.site, up.server, "/carrel/ticket/") + ticket.text.reveal());
}

Result<Secret> Workspaces::token_url(const WorkspaceRow& row, const Wait& wait) {
  auto up = TRY(running(world_, journal_, row, wait));
  const auto config = TRY(up.site.channel->get(up.site.folder_of_state() / "config.json", wait));
  const auto token = TRY(token_of_config(config));
  return Secret(server_url(up.site, up.server, landing_path(row.notebook)) +
                "?token=" + token.reveal());
}

Result<std::filesystem::path> Workspaces::redirect_file(const WorkspaceRow& row, const Wait& wait) {
  const auto url = TRY(ticket_url(row, wait));
  const auto folder = world_.paths.of(row.id);
  TRY(make_private_folder(folder));
  TRY(write_file(folder / "open.html", redirect_page(url), 0600));
  return folder / "open.html";
}

Result<std::string> Workspaces::host_key(const std::filesystem::path& folder, const Wait& wait) {
  const auto row = TRY(find("", folder));
  const auto machine = TRY(journal_.machine(row.id));
  if (!machine) return fail({.what = row.name.text() + " has no machine", .trace = {}});
  auto* provider = TRY(provider_named(world_, machine->machine.provider));
  return provider->host_key(machine->machine, wait);
}

std::vector<std::string> Workspaces::notes() {
  std::vector<std::string> all;
  for (const auto& [name, provider] : world_.providers) {
    for (auto& note : provider->notes()) all.push_back(std::move(note));
  }
  return all;
}

Result<std::string> Workspaces::address(const WorkspaceId& id, const Wait& wait) {
  const auto machine = TRY(journal_.machine(id));
  if (!machine || machine->machine.ref.empty()) return "none";
  auto* provider = TRY(provider_named(world_, machine->machine.provider));
  const auto seen = TRY(provider->observe({machine->machine}, wait));
  if (seen.empty()) return "unknown";
  const auto& one = seen.front();
  if (one.state == MachineState::running && !one.addresses.empty()) return one.addresses.front();
  const bool away = one.state == MachineState::stopped || one.state == MachineState::gone;
  return away ? "none" : "unknown";
}

Result<int> Workspaces::exec(const WorkspaceRow& row, const std::vector<std::string>& argv,
                             const Wait& wait) {
  auto site = TRY(reach_site(world_, journal_, row, wait));
  if (row.environment_json.empty()) {
    return fail({.what = fmt::format("{} has no environment yet", row.name.text()),
                 .why = {},
                 .hint = fmt::format("carrel start {} makes it", row.name.text()),
                 .trace = {}});
  }
  const auto environment = TRY(PreparedEnvironment::from_json(row.environment_json));
  const Command command{.argv = argv,
                        .templates = environment.kernel.environment,
                        .without = variables_kept_out(),
                        .folder = site.folder,
                        .terminal = true};
  return TRY(site.channel->run(command, wait)).status;
}

Result<> Workspaces::logs(const WorkspaceRow& row, bool follow,
                          const std::function<void(std::string_view)>& lines, const Wait& wait) {
  auto site = TRY(reach_site(world_, journal_, row, wait));
  const auto log = site.log().string();
  const Command command{.argv = follow
                                    ? std::vector<std::string>{"tail", "-n", "200", "-F", "--", log}
                                    : std::vector<std::string>{"cat", "--", log},
                        .on_output = lines,
                        .keep_output = false};
  const auto ran = TRY(site.channel->run(command, wait));
  if (ran.status != 0) {
    return fail(
        {.what = fmt::format("the log of {} cannot be read", row.name.text()),
         .why = ran.error,
         .hint = fmt::format("it begins with the first start: carrel start {}", row.name.text()),
         .reason = Reason::not_found,
         .trace = {}});
  }
  return {};
}

Result<std::vector<CacheEntry>> Workspaces::cache(const Wait& wait) {
  std::map<std::string, std::vector<std::string>> users;
  for (const auto& row : TRY(journal_.workspaces())) {
    if (!row.environment_key.empty()) users[row.environment_key].push_back(row.name.text());
  }
  return Environments(world_.here, world_.paths.environment()).cache(users, wait);
}

Result<> Workspaces::prune(const std::vector<CacheEntry>& entries, const Wait& wait) {
  return Environments(world_.here, world_.paths.environment()).prune(entries, wait);
}

}  // namespace carrel
