#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "environment/failing.hpp"
#include "environment/manifest.hpp"
#include "environment/overlay.hpp"
#include "environment/recipe.hpp"
#include "environment/running.hpp"
#include "environment/scripts.hpp"
#include "os/wait.hpp"

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

Result<Interpreter> probe(Channel& channel, const EnvironmentSpec& spec, Progress& progress,
                          const Wait& wait) {
  const auto result =
      TRY(run_script(channel, probe_script(spec.name, spec.folder), progress, wait));
  constexpr std::string_view missing = "@missing ";
  if (result.output.starts_with(missing)) {
    const auto path = trimmed(std::string_view(result.output).substr(missing.size()));
    return failed(
        fmt::format("there is no Python at {}", printable(path)), spec.reason,
        "name a virtual environment, an interpreter, or one of minimal, pytorch, tensorflow, jax",
        Exit::usage, Reason::not_found);
  }
  constexpr std::string_view dangling = "@dangling ";
  if (result.output.starts_with(dangling)) {
    const auto target = trimmed(std::string_view(result.output).substr(dangling.size()));
    return failed(fmt::format("the Python of {} is gone", spec.name),
                  fmt::format("its bin/python leads to {}", printable(target)),
                  "make that environment anew, or name another", Exit::usage, Reason::not_found);
  }
  if (result.status != 0) {
    return failed(fmt::format("the Python at {} does not run", spec.name),
                  printable(last_lines(result.error, 5)),
                  "if the Python that it was made from has been removed, make it anew");
  }
  auto parsed = Interpreter::from_output(result.output);
  if (!parsed) {
    parsed.error().what = fmt::format("{} is no Python", spec.name);
    return std::unexpected(std::move(parsed).error());
  }
  auto found = std::move(*parsed);
  if (!found.at_least(3, 8)) {
    return failed(fmt::format("{} is Python {}", spec.name, printable(found.version)),
                  "Jupyter's kernels need 3.8 or later", "name a newer one", Exit::act);
  }
  return found;
}

// The folder of an ipykernel for `interpreter` that is none of its own.
Result<std::string> make_overlay(Channel& channel, const EnvironmentPaths& paths,
                                 const Interpreter& interpreter, const std::filesystem::path& uv,
                                 Progress& progress, const Wait& wait) {
  const auto overlays = paths.data / "overlays";
  auto key = overlay_key(interpreter);
  if (TRY(channel.is_folder(overlays / key, wait))) return key;
  const auto source = overlays / (key + ".src");
  TRY(channel.put(source, overlay_files(interpreter), wait));
  const auto result = TRY(run_work(channel,
                                   overlay_script({.uv = uv,
                                                   .uv_cache = uv_cache(paths),
                                                   .overlays = overlays,
                                                   .key = key,
                                                   .python = interpreter.executable,
                                                   .source = source}),
                                   progress, wait));
  if (result.status != 0) {
    auto error = script_error(
        fmt::format("no ipykernel fits the packages of {}", interpreter.prefix.string()), result,
        {});
    if (error.exit == Exit::act) {
      error.hint = "install ipykernel into it yourself, or name another environment";
    }
    return fail(std::move(error));
  }
  return key;
}

}  // namespace

Result<PreparedEnvironment> prepare_interpreter(Channel& channel, const EnvironmentPaths& paths,
                                                const EnvironmentSpec& spec,
                                                const WorkspaceId& workspace,
                                                Environments& environments, Progress& progress,
                                                const Wait& wait) {
  const auto home = paths.data / "environments" / workspace.text();
  const auto before = TRY(read_manifest(channel, home, wait));
  // Asked each time: the person may have changed it since.
  const auto interpreter = TRY(probe(channel, spec, progress, wait));
  std::string overlay;
  if (!interpreter.has_ipykernel) {
    const auto uv = TRY(environments.uv(progress, wait));
    overlay = TRY(make_overlay(channel, paths, interpreter, uv, progress, wait));
  }
  Manifest manifest;
  manifest.spec = spec_digest(spec);
  manifest.stdlib = interpreter.stdlib;
  auto& prepared = manifest.prepared;
  prepared.existing = true;
  prepared.prefix = interpreter.prefix;
  prepared.python_version = interpreter.version;
  prepared.summary =
      fmt::format("{}; Python {}{}",
                  interpreter.prefix == interpreter.base_prefix ? interpreter.executable
                                                                : interpreter.prefix.string(),
                  interpreter.version, overlay.empty() ? "" : ", ipykernel beside it");
  prepared.kernel = existing_kernel(
      interpreter, overlay.empty() ? std::filesystem::path() : paths.data / "overlays" / overlay);
  if (!before || before->to_json() != manifest.to_json()) {
    TRY(settle(channel, home, manifest, before, overlay, progress, wait));
  }
  return std::move(prepared);
}

}  // namespace carrel
