#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "environment/embedded.hpp"
#include "environment/environment.hpp"
#include "environment/running.hpp"
#include "environment/scripts.hpp"
#include "os/wait.hpp"

#include <filesystem>
#include <string>

#include <fmt/format.h>

namespace carrel {

Result<std::filesystem::path> Environments::uv(Progress& progress, const Wait& wait) {
  auto program = uv_program(paths_);
  // Its folder is renamed into place when whole.
  if (TRY(channel_.is_folder(program.parent_path(), wait))) return program;
  const std::string version(uv_version());
  progress.note(fmt::format("installing uv {} from PyPI, checked by its hash, into {} (once)",
                            version, program.parent_path().parent_path().string()));
  const auto pin = fmt::format("uv-{}.txt", version);
  TRY(channel_.put(paths_.data, {{.path = pin, .bytes = std::string(embedded_file("uv.txt"))}},
                   wait));
  const auto result = TRY(run_work(
      channel_, uv_script({.data = paths_.data, .version = version, .source = paths_.data / pin}),
      progress, wait));
  if (result.status != 0) return fail(script_error("uv could not be installed", result, {}));
  return program;
}

}  // namespace carrel
