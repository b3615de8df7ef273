// `up` and `start`: from whatever there is to a cell that has run.
#include "base/error.hpp"
#include "base/money.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "jupyter/client.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "workspace/folder.hpp"
#include "workspace/intent.hpp"
#include "workspace/journal.hpp"
#include "workspace/lock.hpp"
#include "workspace/proof.hpp"
#include "workspace/provider.hpp"
#include "workspace/reach.hpp"
#include "workspace/server.hpp"
#include "workspace/service.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"
#include "workspace/ssh_config.hpp"
#include "workspace/state.hpp"
#include "workspace/status.hpp"
#include "workspace/waits_told.hpp"
#include "workspace/wish.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr auto first_patience = std::chrono::seconds(2);
constexpr auto last_patience = std::chrono::seconds(20);

// A phase: shown as it happens, and remembered for the next time when it went well.
class Phase {
 public:
  Phase(const World& world, Journal& journal, Progress& progress, const std::string& name,
        std::string_view title, const std::string& kind = {})
      : world_(world),
        journal_(journal),
        progress_(progress),
        key_(name + (kind.empty() ? "" : ":" + kind)) {
    progress_.begin(name, title, journal_.usual(key_).value_or(std::nullopt));
    begun_ = world_.clock.now();
  }
  void done(std::string_view result) {
    // A time that could not be written down is no reason to fail.
    (void)journal_.add_timing(
        key_, std::chrono::duration_cast<Milliseconds>(world_.clock.now() - begun_));
    progress_.end(result);
  }

 private:
  const World& world_;
  Journal& journal_;
  Progress& progress_;
  std::string key_;
  Instant begun_;
};

// What is asked for now and differs from what runs is said, never done silently and never silently
// left out.
void note_differences(const Wish& wish, const ServerRow& server, const WorkspaceRow& row,
                      Progress& progress) {
  const auto& spec = wish.spec;
  std::vector<std::string> what;
  if (spec.port && *spec.port != server.port) what.push_back(fmt::format("port {}", *spec.port));
  if (spec.public_reach.value_or(false) != server.public_reach) {
    what.emplace_back(server.public_reach ? "private reach" : "public reach");
  }
  if (spec.notebook && *spec.notebook != row.notebook) what.push_back("notebook " + *spec.notebook);
  if (wish.asked_now.environment) what.push_back("environment " + *wish.asked_now.environment);
  if (wish.asked_now.password_hash) what.emplace_back("the new password");
  if (what.empty()) return;
  progress.note(fmt::format("{0} is up as it was: for {1}, carrel stop {0} and carrel start {0}",
                            row.name.text(), join(what, ", ")));
}

Result<PreparedEnvironment> prepare_environment(const World& world, Journal& journal, Site& site,
                                                EnvironmentSpec wanted, Progress& progress,
                                                const Wait& wait, std::filesystem::path& python) {
  Phase phase(world, journal, progress, "environment", "making the environment",
              site.row.environment_key.empty() ? "new" : "kept");
  auto environments = site.environments();
  python = TRY(environments.jupyter(progress, wait));
  if (!site.is_here()) wanted = TRY(environments.of_image(std::move(wanted), wait));
  auto prepared = TRY(environments.prepare(wanted, site.row.id, progress, wait));
  if (auto json = prepared.to_json(); json != site.row.environment_json) {
    TRY(journal.set_environment(site.row.id, prepared.key, json));
    site.row.environment_key = prepared.key;
    site.row.environment_json = std::move(json);
  }
  phase.done(prepared.summary);
  return prepared;
}

Result<Proof> prove_it(const World& world, Journal& journal, Site& site, const ServerRow& server,
                       Progress& progress, const Wait& wait) {
  auto client = TRY(client_of(world, site, server, wait));
  std::string kernel_id;
  std::unique_ptr<KernelConnection> kernel;
  {
    Phase phase(world, journal, progress, "kernel", "starting a kernel");
    if (site.row.notebook.empty()) {
      kernel_id = TRY(client.start_kernel("python3", wait)).id;
    } else {
      kernel_id = TRY(client.open_session(site.row.notebook, "python3", wait)).kernel.id;
    }
    kernel = TRY(client.connect(kernel_id, wait));
    phase.done(site.row.notebook);
  }
  Phase phase(world, journal, progress, "proof", "running a cell");
  auto proof = TRY(prove(*kernel, world.clock, wait));
  kernel.reset();
  if (site.row.notebook.empty()) TRY(client.delete_kernel(kernel_id, wait));
  TRY(journal.set_proof(site.row.id, proof_json(proof)));
  phase.done(fmt::format("6 * 7 = {}, Python {}, {}", proof.output, proof.python,
                         proof.gpu.empty() ? "no GPU on this machine" : proof.gpu));
  return proof;
}

// The machine is a phase of its own where it is not this computer.
Result<Site> machine_for(const World& world, Journal& journal, const WorkspaceRow& row,
                         const MachineWish& wish, Progress& progress, const Wait& wait) {
  const auto* provider = TRY(provider_named(world, wish.provider));
  if (provider->facts().this_computer) return make_site(world, journal, row, wish, progress, wait);
  Phase phase(world, journal, progress, "machine", "starting a machine", provider->name());
  auto site = make_site(world, journal, row, wish, progress, wait);
  for (const auto& [name, one] : world.providers) {
    for (const auto& note : one->notes()) progress.note(note);
  }
  if (!site) return site;
  phase.done(site->machine.machine.ref);
  return site;
}

// Before anything is paid for: a workspace that runs elsewhere has one port for its life. What is
// wished for beside a port that it has is for its next start.
Result<> check_port(const World& world, Journal& journal, const WorkspaceRow& row, const Wish& wish,
                    const Wait& wait) {
  if (TRY(provider_named(world, wish.machine.provider))->facts().this_computer) return {};
  const auto server = TRY(journal.server(row.id));
  const std::uint16_t last = server ? server->port : 0;
  const auto wished = last == 0 ? wish.spec.port.value_or(0) : std::uint16_t{0};
  if (last != 0 && wish.spec.port.value_or(last) != last) return {};
  TRY(choose_port(wished, last, TRY(ports_for(world, journal, row.id, false, wait))));
  return {};
}

// A server that lives and does not answer is not ended: it may be busy, and its kernels are the
// person's work.
Result<> until_it_answers_again(JupyterClient& client, const WorkspaceRow& row, Progress& progress,
                                const Wait& wait) {
  auto answer = client.version(wait.sooner(first_patience));
  if (!answer && answer.error().reason == Reason::timed_out) {
    progress.note(fmt::format("the server of {} does not answer yet: waiting", row.name.text()));
    answer = client.version(wait.sooner(last_patience));
  }
  if (answer) return {};
  if (answer.error().reason == Reason::interrupted) return std::unexpected(answer.error());
  return fail(
      {.what = fmt::format("the server of {} lives, but does not answer", row.name.text()),
       .why = answer.error().what,
       .hint = fmt::format("carrel logs {0} may say why; carrel stop {0} ends it with its kernels",
                           row.name.text()),
       .reason = Reason::timed_out,
       .trace = {}});
}

Result<> renew_certificate(Site& site, const ServerRow& server, WallTime now, Progress& progress,
                           const Wait& wait) {
  if (!server.public_reach || !TRY(ensure_certificate(site, now, progress, wait))) return {};
  const auto ran = TRY(site.channel->run(
      {.argv = {"sh", "-c", fmt::format("kill -HUP {}", server.process->pid)}}, wait));
  if (ran.status == 0) return {};
  return fail({.what = "the running server did not take its new certificate",
               .why = printable(ran.error),
               .hint = fmt::format("carrel stop {0} and carrel start {0}", site.row.name.text()),
               .trace = {}});
}

// What the person wishes for now; a server that runs keeps the door that it was started with.
Result<> open_or_close(const World& world, Journal& journal, const Site& site, const Spec& spec,
                       const std::optional<ServerRow>& before, const ServerRow& server,
                       Progress& progress, const Wait& wait) {
  if (spec.public_reach.value_or(false)) {
    if (!server.public_reach) return {};
    TRY(open_public_port(site, wait));
  } else if (server.public_reach || (before && before->public_reach)) {
    if (const auto other = TRY(close_public_port(world, journal, site.machine, wait))) {
      progress.note(fmt::format(
          "port {} stays open for {}{}", public_port, other->text(),
          server.public_reach
              ? ": until its next start " + site.row.name.text() + " is reached there, too"
              : ""));
    }
  }
  for (const auto& note : site.provider->notes()) progress.note(note);
  return {};
}

// A machine whose boot went wrong is often why nothing else works there.
Error with_boot_trouble(Site& site, Error error, const Wait& wait) {
  if (site.is_here() || error.reason == Reason::interrupted) return error;
  if (const auto trouble = boot_trouble(site, wait); !trouble.empty()) {
    error.why += fmt::format("{}the machine's boot had errors (carrel logs {} --boot):\n{}",
                             error.why.empty() ? "" : "\n", site.row.name.text(), trouble);
  }
  return error;
}

// Whatever is left behind and costs money is said. The errors of a key that is not known have it
// already.
Error with_running_cost(const World& world, Journal& journal, const WorkspaceRow& row,
                        Error error) {
  const bool nothing_new = error.reason == Reason::not_found ||
                           error.reason == Reason::unverified || error.exit == Exit::usage ||
                           error.exit == Exit::act;
  const auto machine = journal.machine(row.id);
  if (nothing_new || !machine || !*machine) return error;
  const auto found = world.providers.find((*machine)->machine.provider);
  if (found == world.providers.end() || !found->second->facts().costs_money) return error;
  const auto name = row.name.text();
  std::string text;
  if (!(*machine)->machine.ref.empty()) {
    const auto asked = read_asked((*machine)->asked);
    text = fmt::format("its machine costs {} while it runs: carrel stop {}",
                       asked && asked->offer.price_known && asked->offer.per_hour.micro_usd != 0
                           ? to_string(asked->offer.per_hour) + " an hour"
                           : "money",
                       name);
  } else if (error.reason == Reason::interrupted || error.reason == Reason::unreachable ||
             error.reason == Reason::timed_out) {
    text = fmt::format("a machine may have been started, which costs money: carrel rm {}", name);
  }
  if (!text.empty()) error.hint += (error.hint.empty() ? "" : "\n") + text;
  return error;
}

// On its machine, with the workspace's lock held.
Result<UpResult> bring_up_there(const World& world, Journal& journal, Site& site,
                                const WorkspaceRow& row, const Wish& wish, Progress& progress,
                                const Wait& wait) {
  if (!site.is_here()) TRY(bring_folder(world, site, progress, wait));
  UpResult result{.status = {.id = row.id, .name = row.name}};
  auto server = TRY(journal.server(row.id));
  const auto before = server;
  const auto state = TRY(observe_server(world, journal, site, server, wait));
  if (state == ServerState::running) {
    auto client = TRY(client_of(world, site, *server, wait));
    TRY(until_it_answers_again(client, row, progress, wait));
    if (server->stopped) {  // a stop was cut off before it did anything
      server->stopped.reset();
      TRY(journal.put_server(*server));
    }
    TRY(renew_certificate(site, *server, world.clock.wall(), progress, wait));
    note_differences(wish, *server, row, progress);
    // One that its machine has started again since has proved nothing yet.
    result.was_up = !row.proof.empty() && server->started <= server->ready;
  } else {
    std::filesystem::path python;
    auto wanted = wish.environment;
    wanted.folder = site.folder;
    auto prepared = prepare_environment(world, journal, site, wanted, progress, wait, python);
    if (!prepared) return fail(with_boot_trouble(site, std::move(prepared.error()), wait));
    const auto& environment = *prepared;
    if (const auto notebook = wish.spec.notebook.value_or(""); notebook != site.row.notebook) {
      TRY(journal.set_notebook(row.id, notebook));
      site.row.notebook = notebook;
    }
    Phase phase(world, journal, progress, "server", "starting Jupyter");
    server = TRY(start_server(world, journal, site,
                              {.spec = wish.spec, .environment = environment, .python = python},
                              progress, wait));
    phase.done(server_url(site, *server, "/"));
  }
  TRY(open_or_close(world, journal, site, wish.spec, before, *server, progress, wait));
  TRY(keep_port(world, site, *server, wait));
  if (!site.is_here()) TRY(write_ssh_config(world, journal));
  result.proof = result.was_up ? TRY(read_proof(row.proof))
                               : TRY(prove_it(world, journal, site, *server, progress, wait));
  if (state == ServerState::running && !result.was_up) {
    TRY(journal.set_server_ready(row.id, world.clock.wall()));
  }
  result.notebook = site.row.notebook;
  if (server->public_reach) result.fingerprint = certificate_fingerprint(site, wait);
  auto status = TRY(status_of(world, journal, site.row, wait));
  status.python = result.proof.python;
  if (!site.row.environment_json.empty()) {
    status.environment = TRY(PreparedEnvironment::from_json(site.row.environment_json)).summary;
  }
  result.status = std::move(status);
  return result;
}

// With the workspace's lock held.
Result<UpResult> bring_up(const World& world, Journal& journal, const WorkspaceRow& row,
                          const Wish& wish, Progress& progress, const Wait& wait) {
  if (row.wanted != Wanted::running) TRY(journal.want(row.id, Wanted::running));
  TRY(check_port(world, journal, row, wish, wait));
  auto site = machine_for(world, journal, row, wish.machine, progress, wait);
  auto result = site ? bring_up_there(world, journal, *site, row, wish, progress, wait)
                     : Result<UpResult>(fail(std::move(site.error())));
  if (result) return result;
  return fail(with_running_cost(world, journal, row, std::move(result.error())));
}

}  // namespace

Result<UpResult> Workspaces::up(const UpRequest& request, Progress& progress, const Wait& wait) {
  const WaitsTold told(world_.providers, progress);
  const auto wish = TRY(checked_wish(request, wait));
  const auto wanted_name =
      wish.spec.name.value_or(WorkspaceName::from_folder(request.folder.filename().string()));
  for (;;) {
    const auto id = WorkspaceId::make(world_.clock.wall(), world_.random.bytes(10));
    auto row = TRY(journal_.add_workspace(
        {.id = id, .name = wanted_name, .folder = request.folder, .created = world_.clock.wall()}));
    const bool is_new = row.id == id;
    auto lock = TRY(lock_workspace(world_, row, progress, wait));
    auto locked = TRY(journal_.by_id(row.id));
    if (!locked) continue;  // removed while we waited: from the beginning
    row = std::move(*locked);
    if (row.wanted == Wanted::removed) {  // a removal was cut off: finish it first
      TRY(remove_locked(row, progress, wait));
      continue;
    }
    if (row.name != wanted_name && wish.asked_now.name && !is_new) {
      TRY(journal_.set_name(row.id, wanted_name));
      row.name = wanted_name;
    } else if (row.name != wanted_name && (is_new || wish.spec.name)) {
      progress.note(fmt::format("the name {} belongs to another folder: this one is {}",
                                wanted_name.text(), row.name.text()));
    }
    auto result = bring_up(world_, journal_, row, wish, progress, wait);
    if (!result && result.error().reason == Reason::no_space) {
      // What cannot be written down must not live on.
      if (auto site = reach_site(world_, journal_, row, wait))
        (void)stop_server(world_, journal_, *site, wait);
    }
    if (!result) return result;
    if (const auto text = spec_text(wish.flags); text != row.flags) {
      TRY(journal_.set_flags(row.id, text));
    }
    return result;
  }
}

Result<UpResult> Workspaces::start(const WorkspaceRow& row, Progress& progress, const Wait& wait) {
  std::error_code error;
  if (!std::filesystem::is_directory(row.folder, error)) {
    return fail(
        {.what = fmt::format("the folder of {} is not there: {}", row.name.text(), row.folder),
         .why = error ? error.message() : std::string(),
         .hint =
             fmt::format("bring it back, or carrel rm {} forgets the workspace", row.name.text()),
         .reason = Reason::not_found,
         .trace = {}});
  }
  return up({.folder = row.folder, .flags = {}, .password = std::nullopt}, progress, wait);
}

}  // namespace carrel
