#include "workspace/server.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_target.hpp"  // IWYU pragma: keep (what a way is)
#include "environment/environment.hpp"
#include "jupyter/certificate.hpp"
#include "jupyter/client.hpp"
#include "jupyter/server_config.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/ports.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/reach.hpp"
#include "workspace/service.hpp"
#include "workspace/site.hpp"
#include "workspace/state.hpp"
#include "workspace/world.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view marker = "CARREL_SERVER";
constexpr auto grace = std::chrono::seconds(8);  // carrel_server's own is 5
constexpr int most_ports_tried = 10;
constexpr auto look_again = std::chrono::seconds(2);

Result<std::string> machine_boot_id(Channel& channel, const Wait& wait) {
  return std::string(trimmed(TRY(channel.get("/proc/sys/kernel/random/boot_id", wait))));
}

bool are_one(const ProcessId& one, const ProcessId& other) {
  return one.pid == other.pid && one.start_ticks == other.start_ticks &&
         one.boot_id == other.boot_id;
}

std::filesystem::path runtime_file(const ServerRow& row, std::string_view name) {
  return std::filesystem::path(row.runtime_folder) / name;
}

std::filesystem::path door_of(const ServerRow& row) {
  return runtime_file(row, "door");
}

// The kernel's variables, for terminals too. IPython keeps its history and profile with the
// workspace, not in the person's home.
Environment variables_of(const Site& site, const PreparedEnvironment& prepared) {
  auto variables = prepared.kernel.environment;
  std::string folder;
  for (const char c : (site.folder_of_state() / "ipython").string()) {
    folder += c == '$' ? std::string("$$") : std::string(1, c);  // they are templates
  }
  variables["IPYTHONDIR"] = std::move(folder);
  return variables;
}

// "*": IPv4 and IPv6. Elsewhere than on this computer a private server has no port but the
// keeper's, here.
std::string ip_of(const Site& site, const ServerDoor& door) {
  if (door.public_reach) return "*";
  return site.is_here() ? door.ip : "none";
}

ServerConfig config_for(const World& world, const Site& site, const ServerRequest& request,
                        const ServerRow& row, const ServerDoor& door) {
  const auto state = site.folder_of_state();
  return {.instance = row.instance,
          .name = site.row.name.text(),
          .root_dir = site.folder,
          .notebook = request.spec.notebook.value_or(""),
          .ip = ip_of(site, door),
          .port = site.is_here()      ? door.port
                  : door.public_reach ? public_port
                                      : std::uint16_t{0},
          .certfile = door.certificate,
          .keyfile = door.key,
          .token = Secret(hex(world.random.bytes(24))),
          .hashed_password = request.spec.password_hash.value_or(Secret()),
          .socket = door_of(row),
          .runtime_dir = row.runtime_folder,
          .config_dir = state / "config",
          .data_dir = state / "data",
          .log = site.log(),
          .lab_settings_dir = site.paths.data / "lab-settings",
          .lab_workspaces_dir = state / "lab-workspaces",
          .terminal_env = variables_of(site, request.environment),
          .extra_labextensions_path = {request.environment.prefix / "share/jupyter/labextensions"}};
}

Result<ProcessId> launch_here(Site& site, const Command& command, const Wait& wait) {
  const auto ran = TRY(site.channel->run(command, wait));
  if (ran.output.empty()) {
    return fail({.what = "Jupyter's server could not be started",
                 .why = printable(last_lines(ran.error, 10)),
                 .hint = "carrel cache --prune makes Carrel's own Jupyter anew at the next up",
                 .trace = {}});
  }
  const auto started = TRY(read_started(trimmed(ran.output)));
  return ProcessId{.pid = started.pid,
                   .start_ticks = started.start_ticks,
                   .boot_id = TRY(machine_boot_id(*site.channel, wait))};
}

Result<ProcessId> launch(Site& site, const ServerRequest& request, const ServerRow& row,
                         const ServerConfig& config, const Wait& wait) {
  const auto& kernel = request.environment.kernel;
  TRY(site.channel->put(site.folder_of_state(),
                        {{.path = "config.json", .bytes = server_config_json(config), .mode = 0600},
                         {.path = "data/kernels/python3/kernel.json",
                          .bytes = kernel_spec_json(kernel.argv, kernel.display_name,
                                                    variables_of(site, request.environment)),
                          .mode = 0600}},
                        wait));
  const auto carrel_server = [&](const char* how) -> std::vector<std::string> {
    return {request.python.string(), "-I", "-m",
            "carrel_server",         how,  (site.folder_of_state() / "config.json").string()};
  };
  if (has_services(site)) return start_service(site, row, carrel_server("serve"), wait);
  return launch_here(site,
                     {.argv = carrel_server("start"),
                      .environment = {{std::string(marker), config.instance}},
                      .without = variables_kept_out(),
                      .folder = site.folder},
                     wait);
}

Error server_died(Site& site, const ServerRow& row, const Wait& wait) {
  return {.what = fmt::format("the server of {} ended while starting: {}", site.row.name.text(),
                              reason_of_end(site, row, wait)),
          .why = end_of_log(site, wait),
          .hint = fmt::format("carrel logs {} shows all of it; carrel start {} tries again",
                              site.row.name.text(), site.row.name.text()),
          .trace = {}};
}

// No fixed time declares failure while the process lives: say what is waited for.
Result<> until_it_answers(const World& world, Journal& journal, Site& site,
                          std::optional<ServerRow>& row, JupyterClient& client, Progress& progress,
                          const Wait& wait) {
  for (;;) {
    const auto answer = client.version(wait.sooner(look_again));
    if (answer) return {};
    const auto reason = answer.error().reason;
    if (reason == Reason::interrupted ||
        (wait.deadline && reason == Reason::timed_out && world.clock.now() >= *wait.deadline)) {
      return std::unexpected(answer.error());
    }
    const auto state = TRY(observe_server(world, journal, site, row, wait));
    if (state != ServerState::starting && state != ServerState::running) {
      return fail(server_died(site, *row, wait));
    }
    if (reason == Reason::timed_out) {
      progress.detail("Jupyter is starting");
    } else if (reason != Reason::unreachable) {
      return std::unexpected(answer.error());
    } else {
      auto paused = wait_for(
          -1, 0,
          wait.sooner(Milliseconds(50)));  // the supervisor lives, the server is on its way out
      if (!paused && paused.error().reason == Reason::interrupted) return paused;
    }
  }
}

}  // namespace

std::vector<std::string> variables_kept_out() {
  return {"JUPYTER*", "JPY_*",  "IPYTHON*", "PYTHON*", "VIRTUAL_ENV*", "CONDA*",
          "_CE_*",    "MAMBA*", "UV_*",     "CARREL*", "PYDEVD_*",     "KERNEL_*"};
}

std::string landing_path(std::string_view notebook) {
  if (notebook.empty()) return "/lab";
  std::string path = "/lab/tree/";
  for (const char c : notebook) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || c == '/';
    path += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return path;
}

std::string server_url(const Site& site, const ServerRow& row, std::string_view path) {
  if (!row.public_reach || !site.is_here())
    return fmt::format("http://127.0.0.1:{}{}", row.port, path);
  std::string host = "127.0.0.1";
  for (const auto& name : host_names()) {
    if (name != "localhost" && !name.starts_with("127.") && name.find(':') == std::string::npos) {
      host = name;
      break;
    }
  }
  return fmt::format("https://{}:{}{}", host, row.port, path);
}

std::string public_url(const Site& site, const ServerRow& row, const std::string& address,
                       std::string_view path) {
  if (!row.public_reach) return {};
  if (site.is_here()) return server_url(site, row, path);
  const bool is_ipv6 = address.contains(':');
  return address.empty() ? std::string()
                         : fmt::format("https://{}{}{}:{}{}", is_ipv6 ? "[" : "", address,
                                       is_ipv6 ? "]" : "", public_port, path);
}

std::string reason_of_end(Site& site, const ServerRow& row, const Wait& wait) {
  if (const auto file = site.channel->get(runtime_file(row, "exit.json"), wait)) {
    if (auto reason = read_exit_file(*file, row.instance)) return std::move(*reason);
  }
  return "nobody saw how it ended (killed, or the computer was switched off)";
}

Result<> keep_port(const World& world, const Site& site, const ServerRow& row, const Wait& wait) {
  const auto* way = site.channel->way();
  if (way == nullptr) return {};
  auto address = world.address_program;
  if (!address.empty()) address.push_back(site.row.id.text());
  return world.keeper.keep({{.id = site.row.id,
                             .port = row.port,
                             .ssh = *way,
                             .socket = door_of(row),
                             .address = std::move(address)}},
                           wait);
}

std::string end_of_log(Site& site, const Wait& wait) {
  const Command command{.argv = {"tail", "-n", "12", "--", site.log().string()}};
  const auto ran = site.channel->run(command, wait);
  return ran && ran->status == 0 ? printable(last_lines(ran->output, 12)) : std::string();
}

Result<ServerState> observe_server(const World& world, Journal& journal, Site& site,
                                   std::optional<ServerRow>& row, const Wait& wait) {
  if (!row) return ServerState::none;
  auto& channel = *site.channel;
  if (!row->process || !TRY(channel.alive(*row->process, wait))) {
    // Started and not recorded, or the supervisor was killed and the server lives: server.json
    // knows.
    const auto text = channel.get(runtime_file(*row, "server.json"), wait);
    if (!text && text.error().reason == Reason::unreachable) return fail(text.error());
    const auto file = text ? read_server_file(*text) : fail(Error{});
    if (file && file->instance == row->instance) {
      const ProcessId supervisor{
          .pid = file->pid, .start_ticks = file->start_ticks, .boot_id = file->boot_id};
      const ProcessId server{.pid = file->server_pid,
                             .start_ticks = file->server_start_ticks,
                             .boot_id = file->boot_id};
      for (const auto& process : {supervisor, server}) {
        if (!TRY(channel.alive(process, wait))) continue;
        if (row->stopped && row->process && row->process->boot_id != process.boot_id) {
          return ServerState::stopped;
        }
        if (!row->process || !are_one(*row->process, process)) {
          row->process = process;
          // By another supervisor it was started anew; without any it goes on.
          if (!row->started || are_one(process, supervisor)) row->started = world.clock.wall();
          TRY(journal.set_server_process(row->workspace, process, *row->started));
        }
        return row->ready ? ServerState::running : ServerState::starting;
      }
    }
    if (!row->process && !file) return row->stopped ? ServerState::stopped : ServerState::none;
    if (row->stopped) return ServerState::stopped;
    if (has_services(site) && TRY(service_is_coming(site, wait))) return ServerState::starting;
    const auto boot = TRY(machine_boot_id(channel, wait));
    if (row->process && row->process->boot_id != boot)
      return ServerState::stopped;  // the machine was restarted
    return ServerState::dead;
  }
  return row->ready ? ServerState::running : ServerState::starting;
}

Result<JupyterClient> client_of(const World& world, Site& site, const ServerRow& row,
                                const Wait& wait) {
  const auto config = TRY(site.channel->get(site.folder_of_state() / "config.json", wait));
  auto token = TRY(token_of_config(config));
  auto endpoint = TRY(site.channel->forward(door_of(row), wait));
  return JupyterClient(world.http, world.random, std::move(endpoint), std::move(token));
}

Result<ServerRow> start_server(const World& world, Journal& journal, Site& site,
                               const ServerRequest& request, Progress& progress, const Wait& wait) {
  auto last = TRY(journal.server(site.row.id));
  const auto state = TRY(observe_server(world, journal, site, last, wait));
  if (state ==
      ServerState::starting) {  // an earlier command was cut off after it had started the server
    auto client = TRY(client_of(world, site, *last, wait));
    TRY(until_it_answers(world, journal, site, last, client, progress, wait));
    last->ready = world.clock.wall();
    TRY(journal.set_server_ready(site.row.id, *last->ready));
    return *last;
  }
  // What a dead server left, a start that was cut off still brings up, or a stop that was cut off
  // did not reach (its last act removes the folder) must not meet the new one. A service manager
  // sees to that itself.
  if (last && !has_services(site) &&
      (state != ServerState::stopped || TRY(site.channel->is_folder(last->runtime_folder, wait)))) {
    TRY(site.channel->end(std::nullopt, marker, last->instance, grace, wait));
  }
  if (site.is_here()) {
    TRY(make_private_folder(site.paths.run));
    TRY(make_private_folder(site.folder_of_state()));
  }
  if (request.spec.public_reach.value_or(false)) {
    TRY(ensure_certificate(site, world.clock.wall(), progress, wait));
  }
  std::optional<ServerRow> row;
  std::optional<ProcessId> started;
  for (int tries = 1; !started; ++tries) {
    // Another command must not choose the same port before this one's is written down.
    std::optional<FileLock> choosing = TRY(FileLock::acquire(world.paths.ports_lock(), wait));
    const auto ports = TRY(ports_for(world, journal, site.row.id, site.is_here(), wait));
    const auto door =
        TRY(choose_door(request.spec, tries == 1 ? last : std::nullopt, ports, site, progress));
    row = ServerRow{.workspace = site.row.id,
                    .instance = hex(world.random.bytes(16)),
                    .process = std::nullopt,
                    .port = door.port,
                    .port_asked_for = door.port_asked_for,
                    .public_reach = door.public_reach,
                    .runtime_folder = site.paths.runtime_of(site.row.id).string()};
    TRY(journal.put_server(*row));
    choosing.reset();
    auto launched = launch(site, request, *row, config_for(world, site, request, *row, door), wait);
    // Another was quicker with a port that nobody asked for: the next one. What was cut off may
    // have come up, and have the port itself: its instance stays written down.
    const bool refused = !launched && launched.error().reason == Reason::other;
    const bool again = site.is_here() && refused && !door.port_asked_for &&
                       tries < most_ports_tried && !port_is_free(door.ip, door.port);
    if (!again) started = TRY(std::move(launched));
  }
  // Asked for by the person: the keeper does not change a port by itself.
  if (!site.is_here() && last && last->port != row->port) {
    TRY(world.keeper.drop(site.row.id, wait));
  }
  row->process = std::move(started);
  row->started = world.clock.wall();
  TRY(journal.set_server_process(site.row.id, *row->process, *row->started));
  auto client = TRY(client_of(world, site, *row, wait));
  TRY(until_it_answers(world, journal, site, row, client, progress, wait));
  row->ready = world.clock.wall();
  TRY(journal.set_server_ready(site.row.id, *row->ready));
  return *std::move(row);
}

Result<> stop_server(const World& world, Journal& journal, Site& site, const Wait& wait) {
  auto row = TRY(journal.server(site.row.id));
  TRY(observe_server(world, journal, site, row, wait));
  if (!row) return {};
  if (!row->stopped) {
    const auto written = journal.set_server_stopped(site.row.id, world.clock.wall());
    if (!written && written.error().reason != Reason::no_space)
      return written;  // a full disk stops no stop
  }
  if (has_services(site)) {
    TRY(stop_service(site, wait));
  } else {
    TRY(site.channel->end(row->process, marker, row->instance, grace, wait));
  }
  return site.channel->remove(row->runtime_folder, wait);
}

}  // namespace carrel
