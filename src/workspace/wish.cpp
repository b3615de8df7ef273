// What `up` is asked for, as the flags, the journal and the folder say it together.
#include "workspace/wish.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "files/exchange.hpp"
#include "jupyter/password.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/check.hpp"
#include "workspace/folder.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"
#include "workspace/waits_told.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <expected>
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

constexpr std::string_view default_provider = "local";

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

// Where nothing is said: where its machine is, also when the `up` that made it was cut off before
// its flags were written down.
Result<std::string> usual_provider(Journal& journal, const std::filesystem::path& folder) {
  if (const auto row = TRY(journal.by_folder(folder))) {
    if (const auto machine = TRY(journal.machine(row->id))) return machine->machine.provider;
  }
  return std::string(default_provider);
}

Result<std::string> provider_of(Journal& journal, const Spec& spec,
                                const std::filesystem::path& folder) {
  return spec.on ? Result<std::string>(*spec.on) : usual_provider(journal, folder);
}

// False, too, of one that was asked for and has not been heard of.
Result<bool> is_gone(const World& world, const MachineRef& machine, const Wait& wait) {
  if (machine.ref.empty()) return false;
  auto* provider = TRY(provider_named(world, machine.provider));
  const auto seen = TRY(provider->observe({machine}, wait));
  return !seen.empty() && seen.front().state == MachineState::gone;
}

bool wants_password(const Spec& spec) {
  return spec.public_reach.value_or(false) && !spec.password_hash;
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

Result<> check_notebook(Channel& channel, const std::filesystem::path& folder, const Spec& spec,
                        const Wait& wait) {
  if (!spec.notebook) return {};
  TRY(check_notebook_path(*spec.notebook));
  const auto found = channel.get(folder / *spec.notebook, wait);
  if (found || found.error().reason != Reason::not_found) return {};
  return usage_error(fmt::format("there is no notebook {} in {}", *spec.notebook, folder.string()),
                     "correct the key notebook in carrel.toml, or the flag --notebook");
}

}  // namespace

Hardware hardware_of(const Spec& spec) {
  Hardware hardware;
  hardware.gpu = spec.gpu.value_or("");
  hardware.gpu_count = spec.count.value_or(hardware.gpu_count);
  hardware.type = spec.instance.value_or("");
  hardware.region = spec.region.value_or("");
  hardware.profile = spec.profile.value_or("");
  hardware.image = spec.image.value_or("");
  hardware.disk_gib = spec.disk_gb.value_or(hardware.disk_gib);
  if (spec.lifetime) hardware.lifetime = *spec.lifetime;
  hardware.from = spec.from.value_or("");
  hardware.user = spec.user.value_or("");
  return hardware;
}

Result<std::vector<Check>> Workspaces::checks(std::string_view place, const Spec& spec,
                                              const Wait& wait) {
  auto* provider = TRY(provider_named(world_, place));
  return provider->checks(hardware_of(spec), wait);
}

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
  wish.machine = {.provider = TRY(provider_of(journal_, wish.spec, request.folder)),
                  .hardware = hardware_of(wish.spec),
                  .plan = request.plan,
                  .accept_host_key = request.accept_host_key};
  TRY(provider_named(world_, wish.machine.provider));
  TRY(check_notebook(world_.here, request.folder, wish.spec, wait));
  const auto files =
      TRY(read_folder_files(world_.here, request.folder, wait, wish.spec.environment));
  wish.environment = TRY(choose_environment(wish.spec.environment, files));
  return wish;
}

Result<std::optional<FolderSize>> Workspaces::to_send(const UpRequest& request, const Wait& wait) {
  const auto spec = TRY(wish_of(journal_, request)).spec;
  const auto* provider =
      TRY(provider_named(world_, spec.on.value_or(std::string(default_provider))));
  if (provider->facts().this_computer) return std::nullopt;
  if (const auto row = TRY(journal_.by_folder(request.folder))) {
    const auto machine = TRY(journal_.machine(row->id));
    if (machine) {
      const auto record = read_record(record_of(world_, *row, machine->machine));
      if (!record || *record) return std::nullopt;
    }
  }
  return TRY(size_to_send(world_.here, request.folder, world_.paths.state / "ignore", wait));
}

Result<std::optional<Plan>> Workspaces::plan(const UpRequest& request, Progress& progress,
                                             const Wait& wait) {
  const WaitsTold told(world_.providers, progress);
  const auto wish = TRY(checked_wish(request, wait));
  auto* provider = TRY(provider_named(world_, wish.machine.provider));
  if (!provider->facts().costs_money) return std::nullopt;
  if (const auto row = TRY(journal_.by_folder(request.folder))) {
    // The machine alone is looked at: the way to it may take minutes.
    const auto machine = TRY(journal_.machine(row->id));
    if (machine && !TRY(is_gone(world_, machine->machine, wait))) return std::nullopt;
  }
  return TRY(plan_for(*provider, wish.machine.hardware, wait));
}

Result<> Workspaces::check_from(const UpRequest& request, const Wait& wait) {
  const auto spec = TRY(wish_of(journal_, request)).spec;
  auto* provider = TRY(provider_named(world_, TRY(provider_of(journal_, spec, request.folder))));
  return provider->check_from(hardware_of(spec), wait);
}

}  // namespace carrel
