#include "channel/put_paths.hpp"

#include "base/error.hpp"
#include "channel/channel.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace carrel {
namespace {

namespace fs = std::filesystem;

Error bad_path(const fs::path& path, std::string why) {
  return {.what = "cannot write " + path.string(), .why = std::move(why), .hint = {}, .trace = {}};
}

bool leaves_root(const fs::path& path) {
  return path.empty() || path.is_absolute() || !path.has_filename() ||
         std::ranges::any_of(path, [](const fs::path& part) { return part == ".."; });
}

}  // namespace

Result<> check_put(const fs::path& root, const std::vector<PutFile>& files) {
  if (!root.is_absolute()) return fail(bad_path(root, "it is not an absolute path"));
  for (const PutFile& file : files) {
    if (leaves_root(file.path)) {
      return fail(bad_path(file.path, "it is not a path inside " + root.string()));
    }
  }
  return {};
}

}  // namespace carrel
