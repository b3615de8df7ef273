#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "environment/digest.hpp"
#include "environment/embedded.hpp"
#include "environment/environment.hpp"
#include "environment/manifest.hpp"
#include "environment/running.hpp"
#include "environment/scripts.hpp"
#include "os/wait.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {
namespace {

constexpr std::string_view server_folder = "server/";
// Raise it when jupyter_script makes something else from the same files.
constexpr std::string_view jupyter_format = "1";

}  // namespace

std::string jupyter_key() {
  std::vector<std::string_view> parts = {jupyter_format, uv_version()};
  for (const auto& file : embedded_files()) {
    if (!file.path.starts_with(server_folder)) continue;
    parts.push_back(file.path);
    parts.push_back(file.bytes);
  }
  return digest_of(parts).substr(0, 32);
}

// The key does not hold the interpreter, which only a process could tell: that its standard library
// is still there is seen from here, and the script makes the environment anew where its Python does
// not run any more.
Result<std::filesystem::path> Environments::jupyter(Progress& progress, const Wait& wait) {
  const auto folder = paths_.data / "jupyter";
  const auto key = jupyter_key();
  auto python = folder / key / "bin" / "python";
  const auto made = channel_.get(folder / key / "python.json", wait);
  if (made) {
    const auto interpreter = Interpreter::from_output(*made);
    if (interpreter && TRY(channel_.is_folder(interpreter->stdlib, wait))) return python;
  } else if (made.error().reason != Reason::not_found) {
    return fail(made.error());
  }
  const auto uv_path = TRY(uv(progress, wait));
  const auto interpreter = TRY(find_python(channel_, paths_, "", "Jupyter", progress, wait));
  const auto source = folder / (key + ".src");
  std::vector<PutFile> files;
  for (const auto& file : embedded_files()) {
    if (!file.path.starts_with(server_folder)) continue;
    files.push_back({.path = file.path.substr(server_folder.size()),
                     .bytes = std::string(file.bytes),
                     .mode = 0644});
  }
  TRY(channel_.put(source, files, wait));
  const auto result = TRY(run_work(channel_,
                                   jupyter_script({.uv = uv_path,
                                                   .uv_cache = uv_cache(paths_),
                                                   .jupyter = folder,
                                                   .key = key,
                                                   .python = interpreter.executable,
                                                   .source = source}),
                                   progress, wait));
  if (result.status != 0) {
    return fail(script_error("Jupyter's own environment could not be made", result, {}));
  }
  return python;
}

}  // namespace carrel
