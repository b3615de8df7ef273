#include "environment/running.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "environment/embedded.hpp"
#include "environment/environment.hpp"
#include "environment/failing.hpp"
#include "environment/failure.hpp"
#include "environment/manifest.hpp"
#include "environment/python_version.hpp"
#include "environment/scripts.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {

std::string_view uv_version() {
  constexpr std::string_view marker = "uv==";
  const auto pin = embedded_file("uv.txt");
  const auto at = pin.find(marker);
  if (at == std::string_view::npos) return {};
  const auto version = pin.substr(at + marker.size());
  return version.substr(0, version.find_first_of(" \\\n"));
}

std::filesystem::path uv_program(const EnvironmentPaths& paths) {
  return paths.data / fmt::format("uv-{}", uv_version()) / "bin" / "uv";
}

std::filesystem::path uv_cache(const EnvironmentPaths& paths) {
  return paths.cache / "uv";
}

namespace {

Result<ProcessResult> run(Channel& channel, const std::string& script, bool lasting,
                          Progress& progress, const Wait& wait) {
  Command command;
  command.argv = {"sh", "-c", script};
  command.lasting = lasting;
  command.on_output = [&progress](std::string_view line) {
    // "@": for Carrel; " + name==1.0" and the like: uv's list of what it did
    if (line.starts_with('@') || line.starts_with(" + ") || line.starts_with(" - ") ||
        line.starts_with(" ~ ")) {
      return;
    }
    const auto text = trimmed(line);
    if (!text.empty()) progress.detail(printable(text));
  };
  return channel.run(command, wait);
}

}  // namespace

Result<ProcessResult> run_script(Channel& channel, const std::string& script, Progress& progress,
                                 const Wait& wait) {
  return run(channel, script, false, progress, wait);
}

Result<ProcessResult> run_work(Channel& channel, const std::string& script, Progress& progress,
                               const Wait& wait) {
  return run(channel, script, true, progress, wait);
}

Error script_error(std::string what, const ProcessResult& result,
                   const std::map<std::string, std::string>& files) {
  const auto said = trimmed(result.error).empty() ? result.output : result.error;
  auto error = explain_failure(std::move(what), said, files);
  constexpr int no_python = 90;
  constexpr int no_venv = 91;
  constexpr int no_conda = 92;
  if (result.status == no_python) {
    error.why = "there is no Python 3.8 or later on this machine";
    error.hint = "sudo apt install python3 python3-venv";
    error.exit = Exit::act;
  } else if (result.status == no_venv) {
    error.why = "its Python has no ensurepip";
    error.hint = "sudo apt install python3-venv";
    error.exit = Exit::act;
  } else if (result.status == no_conda) {
    error.why = "it needs micromamba, mamba or conda, and none of them is here";
    error.hint = "\"${SHELL}\" <(curl -L micro.mamba.pm/install.sh), then run again";
    error.exit = Exit::act;
  } else if (result.status > 128 && error.why.empty()) {
    error.why = fmt::format("ended by signal {}", result.status - 128);
  }
  return error;
}

Result<Interpreter> find_python(Channel& channel, const EnvironmentPaths& paths,
                                const std::string& constraint, const std::string& from,
                                Progress& progress, const Wait& wait) {
  const auto uv = uv_program(paths);
  const auto request = uv_request(constraint);
  const auto result = TRY(run_script(
      channel, find_python_script({.uv = uv, .uv_cache = uv_cache(paths), .request = request}),
      progress, wait));
  if (result.status != 0) {
    const auto wanted = constraint.empty() ? request : constraint;
    return failed(
        fmt::format("there is no Python {} on this machine", wanted),
        from.empty() ? printable(trimmed(result.error))
                     : fmt::format("{} asks for it\n{}", from, printable(trimmed(result.error))),
        fmt::format("{}, then run again", shell_joined({uv.string(), "python", "install", wanted})),
        Exit::act, Reason::not_found);
  }
  return Interpreter::from_output(result.output);
}

Result<std::optional<Manifest>> read_manifest(Channel& channel, const std::filesystem::path& home,
                                              const Wait& wait) {
  auto content = channel.get(home / "carrel.json", wait);
  if (!content) {
    if (content.error().reason == Reason::not_found) return std::optional<Manifest>();
    return fail(std::move(content).error());
  }
  return Manifest::from_json(*content);
}

Result<> settle(Channel& channel, const std::filesystem::path& home, const Manifest& manifest,
                const std::optional<Manifest>& before, const std::string& overlay,
                Progress& progress, const Wait& wait) {
  const bool replaces = before && !before->prepared.existing &&
                        before->prepared.prefix != manifest.prepared.prefix &&
                        before->prepared.prefix.parent_path() == home;
  std::vector<std::string> by_hand;
  if (replaces) {
    SilentProgress silent;
    const auto listed =
        TRY(run_script(channel, packages_script(before->prepared.prefix), silent, wait));
    const auto had = packages_in(listed.output);
    std::ranges::set_difference(had, before->packages, std::back_inserter(by_hand));
  }
  TRY(channel.put(home,
                  {{.path = "overlay", .bytes = overlay.empty() ? "" : overlay + "\n"},
                   {.path = "carrel.json", .bytes = manifest.to_json()}},
                  wait));
  if (!replaces) return {};
  progress.note("the environment was made anew, because what it is made from has changed");
  if (!by_hand.empty()) {
    progress.note(
        fmt::format("added by hand before and not in the new one: {}", join(by_hand, ", ")));
  }
  return channel.remove(before->prepared.prefix, wait);
}

}  // namespace carrel
