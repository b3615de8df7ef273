#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "environment/failing.hpp"
#include "environment/requirements_text.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::size_t largest_file = std::size_t{16} * 1024 * 1024;
constexpr std::size_t most_files = 64;

// False: there is none.
Result<bool> read_into(FolderFiles& files, Channel& channel, const std::string& name,
                       const Wait& wait) {
  auto content = channel.get(files.folder / name, wait);
  if (!content) {
    if (content.error().reason == Reason::not_found) return false;
    return fail(std::move(content).error().while_doing(
        fmt::format("reading {}", (files.folder / name).string())));
  }
  if (content->size() > largest_file) {
    return failed(fmt::format("{} is too large: {}", (files.folder / name).string(),
                              size_text(content->size())),
                  fmt::format("files that describe an environment are read up to {}",
                              size_text(largest_file)),
                  "");
  }
  files.contents[name] = std::move(*content);
  return true;
}

}  // namespace

Result<FolderFiles> read_folder_files(Channel& channel, const std::filesystem::path& folder,
                                      const Wait& wait,
                                      const std::optional<std::string>& requested) {
  FolderFiles files{.folder = folder, .contents = {}};
  for (const char* name : {"uv.lock", "pyproject.toml", "uv.toml", "requirements.txt",
                           "environment.yml", "environment.yaml", ".python-version"}) {
    TRY(read_into(files, channel, name, wait));
  }
  std::vector<std::string> pending;
  if (files.contents.contains("requirements.txt")) pending.emplace_back("requirements.txt");
  if (requested) {
    const auto name = resolved_reference("", *requested);
    const auto file = std::filesystem::path(name).filename().string();
    const bool is_requirements = file.ends_with(".txt") || file.ends_with(".in");
    if (is_requirements || file == "uv.lock" || file == "pyproject.toml" ||
        file.starts_with("environment.y")) {
      if (!files.contents.contains(name) && TRY(read_into(files, channel, name, wait)) &&
          is_requirements) {
        pending.push_back(name);
      }
      const auto project = std::filesystem::path(name).parent_path() / "pyproject.toml";
      if (!files.contents.contains(project.string())) {
        TRY(read_into(files, channel, project.string(), wait));
      }
    }
  }
  // What -r and -c lines name, and what those name in turn. Missing ones are choose_environment's
  // to report.
  while (!pending.empty() && files.contents.size() < most_files) {
    const auto name = std::move(pending.back());
    pending.pop_back();
    for (const auto& reference : references_of(files.contents[name])) {
      const auto path = resolved_reference(name, reference.path);
      if (path.empty() || files.contents.contains(path)) continue;
      if (TRY(read_into(files, channel, path, wait))) pending.push_back(path);
    }
  }
  return files;
}

}  // namespace carrel
