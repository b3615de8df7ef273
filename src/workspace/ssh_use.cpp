// What one does with a machine by ssh: a shell, a way to its ports, a longer lifetime.
#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_target.hpp"  // IWYU pragma: keep (what a way is)
#include "keeper/protocol.hpp"
#include "machine/boot.hpp"
#include "machine/lifetime.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "workspace/intent.hpp"
#include "workspace/journal.hpp"
#include "workspace/lock.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/ssh_config.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::chrono::seconds most_from_now = std::chrono::days(7);
constexpr auto patience_of_ssh = std::chrono::seconds(10);

// This computer needs no ssh: an error that says what does instead.
Result<MachineRow> machine_elsewhere(const World& world, Journal& journal, const WorkspaceRow& row,
                                     std::string_view what, std::string hint) {
  auto machine = TRY(journal.machine(row.id));
  if (machine) {
    const auto facts = TRY(provider_named(world, machine->machine.provider))->facts();
    if (facts.this_computer) {
      return usage_error(fmt::format("{} is on this computer: {}", row.name.text(), what),
                         std::move(hint));
    }
    if (!machine->machine.ref.empty()) return *std::move(machine);
  }
  return fail(
      {.what = fmt::format("{} has no machine yet: its first up was cut off", row.name.text()),
       .why = {},
       .hint = fmt::format("carrel start {} completes it", row.name.text()),
       .reason = Reason::not_found,
       .trace = {}});
}

Result<std::unique_ptr<Channel>> channel_to(const World& world, const MachineRow& machine,
                                            const Wait& wait) {
  auto* provider = TRY(provider_named(world, machine.machine.provider));
  return provider->channel(machine.machine, wait);
}

}  // namespace

Result<int> Workspaces::shell(const WorkspaceRow& row, const std::string& line, const Wait& wait) {
  const auto machine =
      TRY(machine_elsewhere(world_, journal_, row, "there is nothing to log in to",
                            fmt::format("carrel exec {} -- bash gives a shell in its folder and "
                                        "environment",
                                        row.name.text())));
  const auto channel = TRY(channel_to(world_, machine, wait));
  Command command{.argv = {"sh", "-c", "exec \"${SHELL:-/bin/sh}\" -l"}, .terminal = true};
  if (!line.empty()) {
    command.argv = {"sh", "-c", "exec \"${SHELL:-/bin/sh}\" -c \"$1\"", "sh", line};
  }
  return TRY(channel->run(command, wait)).status;
}

Result<KeptWorkspace> Workspaces::way_to_port(const WorkspaceRow& row, std::uint16_t port,
                                              const Wait& wait) {
  const auto machine = TRY(machine_elsewhere(world_, journal_, row, "its ports are here already",
                                             fmt::format("http://127.0.0.1:{}", port)));
  const auto channel = TRY(channel_to(world_, machine, wait));
  const auto* way = channel->way();
  if (way == nullptr) {
    return usage_error(fmt::format("{} is not reached by ssh", row.name.text()));
  }
  auto address = world_.address_program;
  if (!address.empty()) address.push_back(row.id.text());
  return KeptWorkspace{
      .id = row.id, .ssh = *way, .socket = {}, .machine_port = port, .address = std::move(address)};
}

Result<WallTime> Workspaces::extend(const WorkspaceRow& row, const Extension& extension,
                                    Progress& progress, const Wait& wait) {
  const auto machine = TRY(machine_elsewhere(world_, journal_, row, "it has no lifetime",
                                             "it runs until carrel stop, and costs nothing"));
  auto lock = TRY(lock_workspace(world_, row, progress, wait));
  const auto most = std::max<std::chrono::seconds>(
      most_from_now, TRY(read_asked(machine.asked)).hardware.lifetime);
  const auto channel = TRY(channel_to(world_, machine, wait));
  const auto ran = TRY(
      channel->run({.argv = {"sudo", "-n", "sh", "-c", lifetime_script(extension, most)}}, wait));
  if (ran.status != 0) {
    return fail({.what = fmt::format("the lifetime of {} cannot be changed", row.name.text()),
                 .why = printable(last_lines(ran.error, 5)),
                 .hint = "it powers itself off as planned; carrel start starts it again",
                 .trace = {}});
  }
  const auto now = world_.clock.wall();
  const auto ends = now + TRY(read_lifetime(ran.output, most));
  TRY(journal_.set_extension(row.id, machine.sequence, {.made = now, .ends = ends}));
  return ends;
}

Result<> Workspaces::boot_log(const WorkspaceRow& row,
                              const std::function<void(std::string_view)>& lines,
                              const Wait& wait) {
  const auto machine = TRY(machine_elsewhere(world_, journal_, row, "carrel has not booted it",
                                             "journalctl --boot shows how it did"));
  auto* provider = TRY(provider_named(world_, machine.machine.provider));
  const auto seen = TRY(provider->observe({machine.machine}, wait));
  if (!seen.empty() && seen.front().state == MachineState::running) {
    const auto bounded = wait.sooner(patience_of_ssh);
    const auto channel = provider->channel_as_seen(machine.machine, seen.front(), bounded);
    const auto ran = channel ? (*channel)->run({.argv = {"sudo", "-n", "cat", boot_log_file},
                                                .on_output = lines,
                                                .keep_output = false},
                                               bounded)
                             : std::unexpected(channel.error());
    if (ran && ran->status == 0) return {};
    if (!ran && ran.error().reason == Reason::interrupted) return fail(ran.error());
  }
  const auto console = TRY(provider->console(machine.machine, wait));
  if (!console.empty()) {
    lines(console);
    return {};
  }
  return fail({.what = fmt::format("nothing is known of the boot of {}", row.name.text()),
               .why = "ssh does not answer, and its console is empty",
               .hint = "a console comes late, up to some minutes: try again",
               .reason = Reason::not_found,
               .trace = {}});
}

Result<std::filesystem::path> Workspaces::ssh_config() {
  TRY(write_ssh_config(world_, journal_));
  return ssh_config_of(world_.paths);
}

}  // namespace carrel
