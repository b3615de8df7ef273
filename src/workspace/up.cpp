// `up` and `start`: from whatever there is to a cell that has run.
#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "jupyter/client.hpp"
#include "jupyter/password.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/folder.hpp"
#include "workspace/journal.hpp"
#include "workspace/lock.hpp"
#include "workspace/proof.hpp"
#include "workspace/provider.hpp"
#include "workspace/reach.hpp"
#include "workspace/server.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"
#include "workspace/state.hpp"
#include "workspace/status.hpp"
#include "workspace/wish.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <chrono>
#include <expected>
#include <filesystem>
#include <map>
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

constexpr std::string_view default_provider = "local";
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

Result<std::map<std::string, std::string>> files_with_spec(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto* name : {"carrel.toml", "pyproject.toml"}) {
    auto text = read_file(folder / name);
    if (text) {
      files.emplace(name, std::move(*text));
    } else if (text.error().reason != Reason::not_found) {
      return std::unexpected(std::move(text).error());
    }
  }
  return files;
}

Result<Wish> wish_of(Journal& journal, const UpRequest& request) {
  Spec flags = request.flags;
  if (const auto row = TRY(journal.by_folder(request.folder)); row && !row->flags.empty()) {
    flags = flags.over(TRY(parse_spec(row->flags, "the journal")));
  }
  auto spec = flags.over(TRY(spec_of_folder(TRY(files_with_spec(request.folder)))));
  return Wish{.asked_now = request.flags, .flags = std::move(flags), .spec = std::move(spec)};
}

Hardware hardware_of(const Spec& spec) {
  Hardware hardware;
  hardware.gpu = spec.gpu.value_or("");
  hardware.type = spec.instance.value_or("");
  hardware.region = spec.region.value_or("");
  hardware.image = spec.image.value_or("");
  hardware.disk_gib = spec.disk_gb.value_or(hardware.disk_gib);
  if (spec.lifetime) hardware.lifetime = *spec.lifetime;
  return hardware;
}

bool wants_password(const Spec& spec) {
  return spec.public_reach.value_or(false) && !spec.password_hash;
}

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
                                                const EnvironmentSpec& wanted, Progress& progress,
                                                const Wait& wait, std::filesystem::path& python) {
  Phase phase(world, journal, progress, "environment", "making the environment",
              site.row.environment_key.empty() ? "new" : "kept");
  auto environments = site.environments();
  python = TRY(environments.jupyter(progress, wait));
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
  auto site = TRY(make_site(world, journal, row, wish, progress, wait));
  phase.done(site.machine.machine.ref);
  return site;
}

Result<> check_notebook(Channel& channel, const std::filesystem::path& folder, const Spec& spec,
                        const Wait& wait) {
  if (!spec.notebook) return {};
  TRY(check_notebook_path(*spec.notebook));
  const auto found = channel.get(folder / *spec.notebook, wait);
  if (found || found.error().reason != Reason::not_found) return {};
  return usage_error(fmt::format("there is no notebook {} in {}", *spec.notebook, folder.string()),
                     "correct the key notebook in carrel.toml, or the flag --notebook");
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
  if (!server.public_reach || !TRY(ensure_certificate(site.certificates(), now, progress)))
    return {};
  const auto ran = TRY(site.channel->run(
      {.argv = {"sh", "-c", fmt::format("kill -HUP {}", server.process->pid)}}, wait));
  if (ran.status == 0) return {};
  return fail({.what = "the running server did not take its new certificate",
               .why = printable(ran.error),
               .hint = fmt::format("carrel stop {0} and carrel start {0}", site.row.name.text()),
               .trace = {}});
}

// With the workspace's lock held.
Result<UpResult> bring_up(const World& world, Journal& journal, const WorkspaceRow& row,
                          const Wish& wish, Progress& progress, const Wait& wait) {
  if (row.wanted != Wanted::running) TRY(journal.want(row.id, Wanted::running));
  auto site = TRY(machine_for(world, journal, row, wish.machine, progress, wait));
  if (!site.is_here()) TRY(bring_folder(world.here, site, progress, wait));
  UpResult result{.status = {.id = row.id, .name = row.name}};
  auto server = TRY(journal.server(row.id));
  const auto state = TRY(observe_server(world, journal, *site.channel, server, wait));
  if (state == ServerState::running) {
    auto client = TRY(client_of(world, site, *server, wait));
    TRY(until_it_answers_again(client, row, progress, wait));
    if (server->stopped) {  // a stop was cut off before it did anything
      server->stopped.reset();
      TRY(journal.put_server(*server));
    }
    TRY(renew_certificate(site, *server, world.clock.wall(), progress, wait));
    note_differences(wish, *server, row, progress);
    result.was_up = !row.proof.empty();
  } else {
    std::filesystem::path python;
    auto wanted = wish.environment;
    wanted.folder = site.folder;
    const auto environment =
        TRY(prepare_environment(world, journal, site, wanted, progress, wait, python));
    if (const auto notebook = wish.spec.notebook.value_or(""); notebook != site.row.notebook) {
      TRY(journal.set_notebook(row.id, notebook));
      site.row.notebook = notebook;
    }
    Phase phase(world, journal, progress, "server", "starting Jupyter");
    server = TRY(start_server(world, journal, site,
                              {.spec = wish.spec, .environment = environment, .python = python},
                              progress, wait));
    phase.done(server_url(*server, "/"));
  }
  TRY(keep_port(world, site, *server, wait));
  result.proof = result.was_up ? TRY(read_proof(row.proof))
                               : TRY(prove_it(world, journal, site, *server, progress, wait));
  result.notebook = site.row.notebook;
  if (server->public_reach) result.fingerprint = certificate_fingerprint(site.certificates());
  auto status = TRY(status_of(world, journal, site.row, wait));
  status.python = result.proof.python;
  if (!site.row.environment_json.empty()) {
    status.environment = TRY(PreparedEnvironment::from_json(site.row.environment_json)).summary;
  }
  result.status = std::move(status);
  return result;
}

Result<> check_folder(const std::filesystem::path& folder) {
  if (!is_utf8(folder.native())) {
    return fail({.what = fmt::format("the name of {} is not UTF-8", printable(folder.native())),
                 .why = "Jupyter cannot serve it",
                 .hint = "rename the folder",
                 .trace = {}});
  }
  if (can_write(folder)) return {};
  return fail({.what = fmt::format("{} cannot be written, so no notebook in it could be saved",
                                   folder.string()),
               .why = {},
               .hint = "give yourself the right to write there (chmod u+w), or copy the folder and "
                       "take the copy",
               .trace = {}});
}

Result<> check_text(const Spec& flags) {
  if (is_utf8(spec_text(flags))) return {};
  return usage_error("an option holds text that is not UTF-8");
}

}  // namespace

Result<bool> Workspaces::needs_password(const UpRequest& request) {
  return !request.password && wants_password(TRY(wish_of(journal_, request)).spec);
}

Result<bool> Workspaces::is_public(const UpRequest& request) {
  return TRY(wish_of(journal_, request)).spec.public_reach.value_or(false);
}

// Everything that can be refused is refused here, before anything is written down.
Result<Wish> Workspaces::checked_wish(const UpRequest& request, const Wait& wait) {
  TRY(check_folder(request.folder));
  TRY(check_text(request.flags));
  auto asked = request;
  if (request.password) {
    const auto known = TRY(wish_of(journal_, request)).spec.password_hash;
    if (!known || !verify_password(known->reveal(), *request.password)) {
      asked.flags.password_hash = TRY(hash_password(*request.password, world_.random));
    }
  }
  auto wish = TRY(wish_of(journal_, asked));
  if (wants_password(wish.spec)) {
    return fail({.what = "a workspace that others can reach needs a password",
                 .why = {},
                 .hint = "give one with --password-stdin or CARREL_PASSWORD_FILE, or write the "
                         "hash that carrel password makes into carrel.toml as password_hash",
                 .exit = Exit::act,
                 .trace = {}});
  }
  wish.machine = {.provider = wish.spec.on.value_or(std::string(default_provider)),
                  .hardware = hardware_of(wish.spec),
                  .plan = request.plan};
  const auto* provider = TRY(provider_named(world_, wish.machine.provider));
  if (wish.spec.public_reach.value_or(false) && !provider->facts().this_computer) {
    return usage_error(fmt::format("--public does not go with --on {} yet", provider->name()),
                       "without it, this computer alone reaches the notebook, through ssh");
  }
  TRY(check_notebook(world_.here, request.folder, wish.spec, wait));
  const auto files =
      TRY(read_folder_files(world_.here, request.folder, wait, wish.spec.environment));
  wish.environment = TRY(choose_environment(wish.spec.environment, files));
  return wish;
}

Result<std::optional<Plan>> Workspaces::plan(const UpRequest& request, const Wait& wait) {
  const auto wish = TRY(checked_wish(request, wait));
  auto* provider = TRY(provider_named(world_, wish.machine.provider));
  if (!provider->facts().costs_money) return std::nullopt;
  if (const auto row = TRY(journal_.by_folder(request.folder))) {
    const auto machine = TRY(journal_.machine(row->id));
    if (machine && TRY(status_of(world_, journal_, *row, wait)).machine != MachineState::gone) {
      return std::nullopt;
    }
  }
  return TRY(plan_for(*provider, wish.machine.hardware, wait));
}

Result<UpResult> Workspaces::up(const UpRequest& request, Progress& progress, const Wait& wait) {
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
    return fail({.what = fmt::format("the folder of {} is not there: {}", row.name.text(),
                                     row.folder.string()),
                 .why = error ? error.message() : std::string(),
                 .hint = fmt::format("bring it back, or carrel rm {} forgets the workspace",
                                     row.name.text()),
                 .reason = Reason::not_found,
                 .trace = {}});
  }
  return up({.folder = row.folder, .flags = {}, .password = std::nullopt}, progress, wait);
}

}  // namespace carrel
