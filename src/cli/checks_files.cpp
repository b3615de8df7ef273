#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/checks.hpp"
#include "cli/command.hpp"
#include "cli/show.hpp"
#include "os/file.hpp"
#include "workspace/check.hpp"
#include "workspace/journal.hpp"
#include "workspace/paths.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

namespace fs = std::filesystem;
using State = Check::State;

// The folder itself, or the nearest one above it that exists.
fs::path existing(fs::path folder) {
  std::error_code error;
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

}  // namespace

Check check_writable(const std::string& name, const fs::path& folder) {
  const auto place = existing(folder);
  const auto shown = one_line(folder.string());
  if (::access(place.c_str(), W_OK | X_OK) == 0) {
    return {.name = name, .state = State::ok, .found = shown, .fix = {}};
  }
  return {.name = name,
          .state = State::missing,
          .found = one_line(place.string()) + " cannot be written",
          .fix = "sudo chown \"$USER\" " + shell_quoted(place.string())};
}

Check check_disk(const fs::path& folder) {
  constexpr std::uint64_t needed = 1'000'000'000;
  constexpr std::uint64_t comfortable = 8'000'000'000;
  const auto place = existing(folder);
  const auto bytes = free_space(place);
  auto found = size_text(bytes) + " free at " + one_line(place.string());
  if (bytes >= comfortable)
    return {.name = "disk", .state = State::ok, .found = std::move(found), .fix = {}};
  if (bytes >= needed) {
    found += "; pytorch or tensorflow may need 8 GB";
    return {.name = "disk",
            .state = State::optional,
            .found = std::move(found),
            .fix = "carrel cache --prune"};
  }
  return {.name = "disk",
          .state = State::missing,
          .found = found + ": an environment needs 1 GB",
          .fix = "carrel cache --prune"};
}

Check check_journal(const fs::path& journal) {
  std::error_code error;
  if (!fs::exists(journal, error)) {
    return {.name = "journal", .state = State::ok, .found = "none yet", .fix = {}};
  }
  auto opened = Journal::open(journal);
  if (!opened) {
    const auto& problem = opened.error();
    return {
        .name = "journal",
        .state = State::missing,
        .found = one_line(problem.what) + (problem.why.empty() ? "" : ": " + one_line(problem.why)),
        .fix = one_line(problem.hint)};
  }
  const auto rows = opened->workspaces();
  if (!rows) {
    return {.name = "journal",
            .state = State::missing,
            .found = one_line(rows.error().what),
            .fix = one_line(rows.error().hint)};
  }
  const auto count = rows->size();
  return {.name = "journal",
          .state = State::ok,
          .found = std::to_string(count) + (count == 1 ? " workspace" : " workspaces"),
          .fix = {}};
}

Check check_sockets(const WorkspacePaths& paths) {
  // sun_path of unix(7) holds 107 bytes and a zero; a workspace's sockets lie in RUN/12
  // characters/, named with up to 30.
  constexpr std::size_t limit = 107;
  constexpr std::size_t below_run = 1 + 12 + 1 + 30;
  const auto longest = paths.run.string().size() + below_run;
  const auto found = "in " + one_line(paths.run.string()) + ", " + std::to_string(longest) +
                     " of " + std::to_string(limit) + " bytes";
  if (longest <= limit) return {.name = "sockets", .state = State::ok, .found = found, .fix = {}};
  return {.name = "sockets",
          .state = State::missing,
          .found = found,
          .fix = "set XDG_STATE_HOME to a folder with a shorter path"};
}

Check check_temporary() {
  std::error_code error;
  const auto folder = fs::temp_directory_path(error);
  if (error) {
    return {.name = "/tmp",
            .state = State::missing,
            .found = one_line(error.message()),
            .fix = "set TMPDIR to a folder that you may write to"};
  }
  auto check = check_writable("/tmp", folder);
  if (check.state == State::missing) check.fix = "set TMPDIR to a folder that you may write to";
  return check;
}

std::vector<Check> all_checks(const CommandContext& context) {
  std::vector<Check> checks{check_python(context), check_venv(context), check_uv(context),
                            check_gpu(context),    check_git(context),  check_ssh(context),
                            check_node(context)};
  const auto paths = context.paths();
  if (!paths) {
    checks.push_back({.name = "folders",
                      .state = State::missing,
                      .found = one_line(paths.error().what),
                      .fix = one_line(paths.error().hint)});
    return checks;
  }
  checks.push_back(check_writable("state", paths->state));
  checks.push_back(check_writable("data", paths->data));
  checks.push_back(check_writable("cache", paths->cache));
  checks.push_back(check_disk(paths->data));
  checks.push_back(check_journal(paths->journal()));
  checks.push_back(check_sockets(*paths));
  checks.push_back(check_temporary());
  return checks;
}

}  // namespace carrel::cli
