#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "environment/environment.hpp"
#include "environment/failing.hpp"
#include "environment/running.hpp"
#include "environment/scripts.hpp"
#include "os/wait.hpp"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

struct Line {
  std::string what;
  std::uint64_t bytes = 0;
  bool in_use = false;
  std::filesystem::path path;
  std::string title;
};

std::vector<Line> entries_of(std::string_view output) {
  std::vector<Line> entries;
  for (const auto& text : lines_of(output)) {
    const auto parts = split(text, '\t');
    if (parts.size() != 6 || parts[0] != "@entry") continue;
    Line line{.what = parts[1],
              .in_use = parts[3] == "1",
              .path = parts[4],
              .title = printable(parts[5])};
    const auto& number = parts[2];
    if (std::from_chars(number.data(), number.data() + number.size(), line.bytes).ec !=
        std::errc{}) {
      continue;
    }
    entries.push_back(std::move(line));
  }
  return entries;
}

// Only what cache() can have listed is removed.
bool may_prune(const std::filesystem::path& path, const EnvironmentPaths& paths) {
  const auto parent = path.parent_path();
  const auto name = path.filename().string();
  if (path != path.lexically_normal() || name.empty() || name == "." || name == "..") return false;
  return parent == paths.cache / "templates" || parent == paths.data / "overlays" ||
         parent == paths.data / "jupyter" || path == uv_cache(paths) ||
         (parent == paths.data && (name.starts_with("uv-") || name.starts_with(".uv-new.")));
}

}  // namespace

Result<std::vector<CacheEntry>> Environments::cache(
    const std::map<std::string, std::vector<std::string>>& users, const Wait& wait) {
  SilentProgress silent;
  const auto result =
      TRY(run_script(channel_, cache_script(paths_.cache, paths_.data), silent, wait));
  if (result.status != 0) return fail(script_error("the cache could not be measured", result, {}));
  std::set<std::string> overlays;
  for (const auto& line : lines_of(result.output)) {
    constexpr std::string_view marker = "@overlay ";
    if (line.starts_with(marker)) overlays.insert(line.substr(marker.size()));
  }
  std::vector<CacheEntry> entries;
  for (auto& line : entries_of(result.output)) {
    CacheEntry entry;
    const auto key = line.path.filename().string();
    entry.path = std::move(line.path);
    entry.bytes = line.bytes;
    entry.name = line.title.empty() ? key : line.title;
    if (line.what == "templates") {
      entry.what = "template";
      if (const auto found = users.find(key); found != users.end()) entry.used_by = found->second;
      entry.removable = entry.used_by.empty();
    } else if (line.what == "overlays") {
      entry.what = "overlay";
      entry.removable = !overlays.contains(key);
    } else if (line.what == "jupyter") {
      entry.what = "Jupyter";
      entry.removable = !line.in_use && key != jupyter_key();
    } else if (line.what == "uv") {
      entry.what = "uv";
      entry.removable = !line.in_use && key != fmt::format("uv-{}", uv_version());
    } else if (line.what == "uv_cache") {
      entry.what = "uv cache";
      entry.name = "downloads";
      entry.removable = users.empty();
    } else {
      entry.what = "left over";
      entry.removable = true;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<> Environments::prune(const std::vector<CacheEntry>& entries, const Wait& wait) {
  SilentProgress silent;
  for (const auto& entry : entries) {
    if (!entry.removable) continue;
    if (!may_prune(entry.path, paths_)) {
      return failed(fmt::format("{} is not Carrel's to remove", entry.path.string()), "", "");
    }
    const auto result = TRY(run_script(channel_, prune_script(entry.path), silent, wait));
    if (result.status != 0) {
      return fail(
          script_error(fmt::format("{} could not be removed", entry.path.string()), result, {}));
    }
  }
  return {};
}

}  // namespace carrel
