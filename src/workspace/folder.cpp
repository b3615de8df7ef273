#include "workspace/folder.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/site.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t most_bytes = 500'000'000;

// Names relative to the folder, of files alone.
constexpr std::string_view list_files =
    "if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then "
    "git ls-files -z --cached --others --exclude-standard; "
    "else find . -name .git -prune -o -type f -print0; fi";

}  // namespace

Result<> bring_folder(Channel& here, Site& site, Progress& progress, const Wait& wait) {
  if (TRY(site.channel->is_folder(site.folder, wait))) return {};
  const fs::path from = site.row.folder;
  const auto listed =
      TRY(here.run({.argv = {"sh", "-c", std::string(list_files)}, .folder = from}, wait));
  if (listed.status != 0) {
    return fail({.what = fmt::format("the files of {} cannot be listed", from.string()),
                 .why = printable(trimmed(listed.error))});
  }
  std::vector<PutFile> files;
  std::uintmax_t bytes = 0;
  for (const auto& name : split(listed.output, '\0')) {
    const auto path = fs::path(name).lexically_normal();
    std::error_code error;
    const auto status = fs::symlink_status(from / path, error);
    if (name.empty() || error || !fs::is_regular_file(status)) continue;
    auto content = TRY(read_file(from / path));
    bytes += content.size();
    if (bytes > most_bytes) {
      return fail({.what = fmt::format("{} has more than 500 MB to send", from.string()),
                   .hint = "leave data out with .gitignore, or fetch it on the machine",
                   .exit = Exit::act});
    }
    files.push_back({.path = path,
                     .bytes = std::move(content),
                     .mode = static_cast<mode_t>(status.permissions() & fs::perms::all)});
  }
  progress.detail(fmt::format("sending {} files, {}", files.size(), size_text(bytes)));
  return site.channel->put(site.folder, files, wait);
}

}  // namespace carrel
