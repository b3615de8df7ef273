#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "environment/failing.hpp"
#include "environment/manifest.hpp"
#include "environment/recipe.hpp"
#include "environment/running.hpp"
#include "environment/scripts.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr int template_gone = 75;

std::string not_made(const EnvironmentSpec& spec) {
  return fmt::format("the environment could not be made ({})", spec.reason);
}

std::vector<PutFile> as_files(const std::map<std::string, std::string>& contents) {
  std::vector<PutFile> files;
  files.reserve(contents.size());
  for (const auto& [name, content] : contents) {
    files.push_back({.path = name, .bytes = content, .mode = 0600});
  }
  return files;
}

Manifest manifest_of(const EnvironmentSpec& spec, const EnvironmentPaths& paths,
                     const std::filesystem::path& prefix, const std::string& python,
                     std::vector<std::string> packages) {
  Manifest manifest;
  manifest.spec = spec_digest(spec);
  manifest.prepared.kernel = kernel_of(spec, paths, prefix, python);
  manifest.prepared.prefix = prefix;
  manifest.prepared.python_version = python;
  manifest.prepared.summary = summary_of(spec, packages.size(), python);
  manifest.packages = std::move(packages);
  return manifest;
}

// A template for the recipe, then the workspace's copy of it; the copy's packages.
Result<std::vector<std::string>> build_and_copy(Channel& channel, const TemplateBuild& build,
                                                const EnvironmentCopy& copy,
                                                const BuildRecipe& recipe,
                                                const EnvironmentSpec& spec, Progress& progress,
                                                const Wait& wait) {
  // Twice: between building and copying, a prune may take the template away.
  for (int round = 0; round < 2; ++round) {
    if (!TRY(channel.is_folder(build.templates / build.key, wait))) {
      TRY(channel.put(build.source, as_files(recipe.files), wait));
      const auto built = TRY(run_work(channel, template_script(build), progress, wait));
      if (built.status != 0) return fail(script_error(not_made(spec), built, recipe.files));
    }
    const auto copied = TRY(run_work(channel, copy_script(copy), progress, wait));
    if (copied.status == 0) return packages_in(copied.output);
    if (copied.status != template_gone)
      return fail(script_error(not_made(spec), copied, spec.files));
  }
  return failed(not_made(spec), "its template was removed while it was copied", "run again");
}

Result<Manifest> make_with_uv(Channel& channel, const EnvironmentPaths& paths,
                              const EnvironmentSpec& spec, const std::filesystem::path& home,
                              const std::filesystem::path& uv, Progress& progress,
                              const Wait& wait) {
  const auto interpreter =
      TRY(find_python(channel, paths, spec.python, spec.python_from, progress, wait));
  const auto recipe = TRY(recipe_for(spec, interpreter.nvidia));
  const auto templates = paths.cache / "templates";
  const auto key = template_key(recipe, interpreter);
  const TemplateBuild build{.recipe = recipe.recipe,
                            .uv = uv,
                            .uv_cache = uv_cache(paths),
                            .templates = templates,
                            .key = key,
                            .python = interpreter.executable,
                            .source = templates / (key + ".src"),
                            .title = fmt::format("{}, Python {}", spec.name, interpreter.version),
                            .file = recipe.file};
  const EnvironmentCopy copy{.uv = uv,
                             .uv_cache = uv_cache(paths),
                             .templates = templates,
                             .key = key,
                             .home = home,
                             .name = copy_name(spec, key),
                             .local = recipe.local,
                             .folder = spec.folder,
                             .file = spec.name};
  auto packages = TRY(build_and_copy(channel, build, copy, recipe, spec, progress, wait));
  auto manifest =
      manifest_of(spec, paths, home / copy.name, interpreter.version, std::move(packages));
  manifest.stdlib = interpreter.stdlib;
  manifest.prepared.key = key;
  return manifest;
}

Result<Manifest> make_with_conda(Channel& channel, const EnvironmentPaths& paths,
                                 const EnvironmentSpec& spec, const std::filesystem::path& home,
                                 Progress& progress, const Wait& wait) {
  const auto name = copy_name(spec, "conda");
  TRY(channel.put(home, {{.path = "environment.yml", .bytes = spec.files.at(spec.name)}}, wait));
  const auto made = TRY(run_work(
      channel, conda_script({.home = home, .name = name, .file = home / "environment.yml"}),
      progress, wait));
  if (made.status != 0) return fail(script_error(not_made(spec), made, spec.files));
  const auto prefix = home / name;
  const auto probed = TRY(run_script(channel, probe_script(prefix.string(), home), progress, wait));
  if (probed.status != 0) return fail(script_error(not_made(spec), probed, {}));
  const auto interpreter = TRY(Interpreter::from_output(probed.output));
  auto manifest = manifest_of(spec, paths, prefix, interpreter.version, packages_in(made.output));
  manifest.stdlib = interpreter.stdlib;
  return manifest;
}

}  // namespace

Result<PreparedEnvironment> Environments::prepare(const EnvironmentSpec& spec,
                                                  const WorkspaceId& workspace, Progress& progress,
                                                  const Wait& wait) {
  if (spec.kind == EnvironmentKind::interpreter) {
    return prepare_interpreter(channel_, paths_, spec, workspace, *this, progress, wait);
  }
  const auto home = paths_.data / "environments" / workspace.text();
  const auto before = TRY(read_manifest(channel_, home, wait));
  if (before && before->spec == spec_digest(spec) &&
      TRY(channel_.is_folder(before->prepared.prefix, wait)) &&
      TRY(channel_.is_folder(before->stdlib, wait))) {
    return before->prepared;
  }
  std::optional<Manifest> made;
  if (spec.kind == EnvironmentKind::environment_yml) {
    made = TRY(make_with_conda(channel_, paths_, spec, home, progress, wait));
  } else {
    const auto program = TRY(uv(progress, wait));
    made = TRY(make_with_uv(channel_, paths_, spec, home, program, progress, wait));
  }
  TRY(settle(channel_, home, *made, before, "", progress, wait));
  return std::move(made->prepared);
}

Result<EnvironmentSpec> Environments::of_image(EnvironmentSpec spec, const Wait& wait) {
  if (spec.kind != EnvironmentKind::preset || !spec.python.empty()) return spec;
  for (const auto* preset : {"pytorch", "tensorflow"}) {
    const auto folder = paths_.image / preset;
    if (!spec.by_default && spec.name != preset) continue;
    if (!TRY(channel_.is_folder(folder / "bin", wait))) continue;
    EnvironmentSpec found;
    found.kind = EnvironmentKind::interpreter;
    found.name = folder.string();
    found.folder = std::move(spec.folder);
    found.reason = "the machine's image brings it";
    return found;
  }
  return spec;
}

Result<std::vector<std::string>> Environments::added_by_hand(const PreparedEnvironment& environment,
                                                             const Wait& wait) {
  if (environment.existing) return std::vector<std::string>();
  const auto manifest = TRY(read_manifest(channel_, environment.prefix.parent_path(), wait));
  if (!manifest || manifest->prepared.prefix != environment.prefix)
    return std::vector<std::string>();
  SilentProgress silent;
  const auto listed = TRY(run_script(channel_, packages_script(environment.prefix), silent, wait));
  std::vector<std::string> added;
  std::ranges::set_difference(packages_in(listed.output), manifest->packages,
                              std::back_inserter(added));
  return added;
}

Result<> Environments::remove(const WorkspaceId& workspace, const Wait& wait) {
  return channel_.remove(paths_.data / "environments" / workspace.text(), wait);
}

}  // namespace carrel
