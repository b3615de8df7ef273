// `up` and `start`: from whatever there is to a cell that has run.
#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "environment/environment.hpp"
#include "jupyter/client.hpp"
#include "jupyter/password.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/lock.hpp"
#include "workspace/proof.hpp"
#include "workspace/reach.hpp"
#include "workspace/server.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"
#include "workspace/status.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view default_provider = "local";

// A phase: shown as it happens, and remembered for the next time when it went well.
class Phase {
 public:
  Phase(const World& world, Journal& journal, Progress& progress, std::string name,
        std::string_view title, std::string kind = {})
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

struct Wish {
  Spec flags;  // what was told, now or earlier: remembered
  Spec spec;   // with the folder's own file below
};

Result<Wish> wish_of(Journal& journal, const UpRequest& request) {
  Spec flags = request.flags;
  if (const auto row = TRY(journal.by_folder(request.folder)); row && !row->flags.empty()) {
    flags = flags.over(TRY(parse_spec(row->flags, "the journal")));
  }
  auto spec = flags.over(TRY(spec_of_folder(TRY(files_with_spec(request.folder)))));
  return Wish{std::move(flags), std::move(spec)};
}

bool wants_password(const Spec& spec) {
  return spec.public_reach.value_or(false) && !spec.password_hash;
}

// What is asked for now and differs from what runs is said, never done silently and never silently
// left out.
void note_differences(const Spec& flags, const ServerRow& server, const WorkspaceRow& row,
                      Progress& progress) {
  std::string what;
  if (flags.port && *flags.port != server.port) what = fmt::format("port {}", *flags.port);
  if (flags.public_reach && *flags.public_reach != server.public_reach) {
    what += fmt::format("{}{} reach", what.empty() ? "" : ", ",
                        *flags.public_reach ? "public" : "private");
  }
  if (flags.notebook && *flags.notebook != row.notebook) {
    what += fmt::format("{}notebook {}", what.empty() ? "" : ", ", *flags.notebook);
  }
  if (flags.environment || flags.password_hash) {
    what += fmt::format("{}{}", what.empty() ? "" : ", ",
                        flags.environment ? "the environment" : "the password");
  }
  if (!what.empty()) {
    progress.note(fmt::format("{0} is up as it was: for {1}, carrel stop {0} and carrel start {0}",
                              row.name.text(), what));
  }
}

Result<PreparedEnvironment> prepare_environment(const World& world, Journal& journal, Site& site,
                                                const Spec& spec, Progress& progress,
                                                const Wait& wait, std::filesystem::path& python) {
  Phase phase(world, journal, progress, "environment", "making the environment",
              site.row.environment_key.empty() ? "new" : "kept");
  auto environments = site.environments();
  const auto files = TRY(read_folder_files(*site.channel, site.row.folder, wait));
  const auto wanted = TRY(choose_environment(spec.environment, files));
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

Result<> check_notebook(Site& site, const Spec& spec, const Wait& wait) {
  if (!spec.notebook) return {};
  TRY(check_notebook_path(*spec.notebook));
  const auto found = site.channel->get(site.row.folder / *spec.notebook, wait);
  if (found || found.error().reason != Reason::not_found) return {};
  return usage_error(
      fmt::format("there is no notebook {} in {}", *spec.notebook, site.row.folder.string()),
      "correct the key notebook in carrel.toml, or the flag --notebook");
}

// With the workspace's lock held.
Result<UpResult> bring_up(const World& world, Journal& journal, const WorkspaceRow& row,
                          const Wish& wish, const Spec& asked_now, Progress& progress,
                          const Wait& wait) {
  if (row.wanted != Wanted::running) TRY(journal.want(row.id, Wanted::running));
  auto site = TRY(make_site(world, journal, row,
                            wish.spec.on.value_or(std::string(default_provider)), progress, wait));
  UpResult result{.status = {.id = row.id, .name = row.name}};
  auto server = TRY(journal.server(row.id));
  const auto state = TRY(observe_server(world, journal, *site.channel, server, wait));
  if (state == ServerState::running && !row.proof.empty()) {
    auto client = TRY(client_of(world, site, *server, wait));
    if (client.version(wait)) {
      result.was_up = true;
      if (server->stopped) {  // a stop was cut off before it did anything
        server->stopped.reset();
        TRY(journal.put_server(*server));
      }
      result.proof = TRY(read_proof(row.proof));
      note_differences(asked_now, *server, row, progress);
    }
  }
  if (!result.was_up) {
    TRY(check_notebook(site, wish.spec, wait));
    std::filesystem::path python;
    const auto environment =
        TRY(prepare_environment(world, journal, site, wish.spec, progress, wait, python));
    if (const auto notebook = wish.spec.notebook.value_or(""); notebook != site.row.notebook) {
      TRY(journal.set_notebook(row.id, notebook));
      site.row.notebook = notebook;
    }
    if (state == ServerState::running) {
      TRY(stop_server(world, journal, site,
                      wait));  // it lives and does not answer, or was never proved: anew
    }
    {
      Phase phase(world, journal, progress, "server", "starting Jupyter");
      server = TRY(start_server(world, journal, site,
                                {.spec = wish.spec, .environment = environment, .python = python},
                                progress, wait));
      phase.done(server_url(*server, "/"));
    }
    result.proof = TRY(prove_it(world, journal, site, *server, progress, wait));
  }
  result.notebook = site.row.notebook;
  if (server->public_reach)
    result.fingerprint = certificate_fingerprint(site.paths.state / "certificate");
  auto status = TRY(status_of(world, journal, site.row, wait));
  status.python = result.proof.python;
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

Result<UpResult> Workspaces::up(const UpRequest& request, Progress& progress, const Wait& wait) {
  TRY(check_folder(request.folder));
  TRY(check_text(request.flags));
  Spec asked_now = request.flags;
  if (request.password)
    asked_now.password_hash = TRY(hash_password(*request.password, world_.random));
  auto wish = TRY(
      wish_of(journal_, {.folder = request.folder, .flags = asked_now, .password = std::nullopt}));
  if (wants_password(wish.spec)) {
    return fail({.what = "a workspace that others can reach needs a password",
                 .why = {},
                 .hint = "give one with --password-stdin or CARREL_PASSWORD_FILE, or write the "
                         "hash that carrel password "
                         "makes into carrel.toml as password_hash",
                 .exit = Exit::act,
                 .trace = {}});
  }
  TRY(provider_named(world_, wish.spec.on.value_or(std::string(default_provider))));
  const auto folder_name = WorkspaceName::from_folder(request.folder.filename().string());
  const auto wanted_name = wish.spec.name.value_or(folder_name);
  for (;;) {
    auto row = TRY(journal_.add_workspace(
        {.id = WorkspaceId::make(world_.clock.wall(), world_.random.bytes(10)),
         .name = wanted_name,
         .folder = request.folder,
         .flags = spec_text(wish.flags),
         .created = world_.clock.wall()}));
    auto lock = TRY(lock_workspace(world_, row, progress, wait));
    auto locked = TRY(journal_.by_id(row.id));
    if (!locked) continue;  // removed while we waited: from the beginning
    row = std::move(*locked);
    if (row.wanted == Wanted::removed) {  // a removal was cut off: finish it first
      TRY(remove_locked(row, progress, wait));
      continue;
    }
    if (row.name != wanted_name && wish.spec.name) {
      if (asked_now.name) {
        TRY(journal_.set_name(row.id, wanted_name));
        row.name = wanted_name;
      } else {
        progress.note(fmt::format("the name {} belongs to another folder: this one is {}",
                                  wanted_name.text(), row.name.text()));
      }
    } else if (row.name != wanted_name && row.proof.empty()) {
      progress.note(fmt::format("the name {} belongs to another folder: this one is {}",
                                wanted_name.text(), row.name.text()));
    }
    if (const auto text = spec_text(wish.flags); text != row.flags)
      TRY(journal_.set_flags(row.id, text));
    return bring_up(world_, journal_, row, wish, asked_now, progress, wait);
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
