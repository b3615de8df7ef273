// Scripts over the channel, for the files of this part.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "environment/manifest.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace carrel {

std::string_view uv_version();  // the pin's
std::string jupyter_key();      // folder of data/jupyter for what this program carries
std::filesystem::path uv_program(const EnvironmentPaths& paths);
std::filesystem::path uv_cache(const EnvironmentPaths& paths);

// Lines of the script become progress.detail as they come. A status other than 0 is no error yet.
Result<ProcessResult> run_script(Channel& channel, const std::string& script, Progress& progress,
                                 const Wait& wait);
// The same for what takes long: another machine goes on with it when nobody follows any more. The
// same script later waits for it, or finds it done (`lock` in scripts.hpp's prelude).
Result<ProcessResult> run_work(Channel& channel, const std::string& script, Progress& progress,
                               const Wait& wait);

// The error of a script that ended with another status than 0 (see scripts.hpp for its own ones).
Error script_error(std::string what, const ProcessResult& result,
                   const std::map<std::string, std::string>& files);

// The interpreter for environments of `constraint` ("", "3.12", ">=3.11"); `from`: who asks, for
// the message.
Result<Interpreter> find_python(Channel& channel, const EnvironmentPaths& paths,
                                const std::string& constraint, const std::string& from,
                                Progress& progress, const Wait& wait);

// The manifest of environments/ID, if there is one that can be read.
Result<std::optional<Manifest>> read_manifest(Channel& channel, const std::filesystem::path& home,
                                              const Wait& wait);

// Makes `manifest` the workspace's and removes the copy before it, saying what was in it by hand.
// `overlay`: its key or "".
Result<> settle(Channel& channel, const std::filesystem::path& home, const Manifest& manifest,
                const std::optional<Manifest>& before, const std::string& overlay,
                Progress& progress, const Wait& wait);

// For environments given by the person (EnvironmentKind::interpreter).
Result<PreparedEnvironment> prepare_interpreter(Channel& channel, const EnvironmentPaths& paths,
                                                const EnvironmentSpec& spec,
                                                const WorkspaceId& workspace,
                                                Environments& environments, Progress& progress,
                                                const Wait& wait);

}  // namespace carrel
