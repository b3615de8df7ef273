#include "workspace/paths.hpp"

#include "base/error.hpp"
#include "os/process.hpp"

#include <cstddef>
#include <filesystem>

#include <fmt/format.h>

namespace carrel {
namespace {

// sockaddr_un takes 107 bytes. Below a workspace's runtime folder (12 characters) the longest
// socket is c<12 hex>-N; a few bytes stay in reserve.
constexpr std::size_t longest_run_path = 100 - 1 - 12 - 1 - 16;

std::filesystem::path base(const Environment& environment, const char* variable,
                           const std::filesystem::path& home, const char* fallback) {
  const auto found = environment.find(variable);
  if (found != environment.end() && std::filesystem::path(found->second).is_absolute())
    return found->second;
  return home / fallback;
}

}  // namespace

Result<WorkspacePaths> WorkspacePaths::from(const Environment& environment, unsigned uid) {
  const auto home = environment.find("HOME");
  if (home == environment.end() || !std::filesystem::path(home->second).is_absolute()) {
    return fail({.what = "HOME is not set, so there is no place for Carrel's files",
                 .why = {},
                 .hint = "set HOME to your home folder and try again",
                 .trace = {}});
  }
  WorkspacePaths paths;
  paths.state = base(environment, "XDG_STATE_HOME", home->second, ".local/state") / "carrel";
  paths.data = base(environment, "XDG_DATA_HOME", home->second, ".local/share") / "carrel";
  paths.cache = base(environment, "XDG_CACHE_HOME", home->second, ".cache") / "carrel";
  paths.run = paths.state / "run";
  if (paths.run.native().size() > longest_run_path) paths.run = fmt::format("/tmp/carrel-{}", uid);
  return paths;
}

}  // namespace carrel
