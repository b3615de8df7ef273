#include "files/pushed.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "os/listing.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr auto time_to_ask = std::chrono::seconds(10);

// A repository may name programs for these.
constexpr std::string_view careful_git =
    "export git='git --no-pager -c core.fsmonitor=false -c core.hooksPath=/dev/null "
    "-c safe.bareRepository=explicit'\n";

// What a repository has never fetched stays away.
Environment careful_variables() {
  return {{"LC_ALL", "C"},
          {"GIT_CONFIG_NOSYSTEM", "1"},
          {"GIT_OPTIONAL_LOCKS", "0"},
          {"GIT_TERMINAL_PROMPT", "0"},
          {"GIT_ALLOW_PROTOCOL", "none"},
          {"GIT_NO_LAZY_FETCH", "1"},
          {"GIT_NO_REPLACE_OBJECTS", "1"},
          {"GIT_GRAFT_FILE", "/dev/null"}};
}

// The newest commits of HEAD's history that a remote has, each as `git ls-tree` shows it.
constexpr std::string_view trees = R"sh(set -f
elsewhere() {
  case $1 in
    *::*) return 1 ;;
    https://* | http://* | ssh://* | git://*) host=${1#*://} ;;
    *://*) return 1 ;;
    *:*) host=${1%%:*}
      case $host in */*) return 1 ;; esac ;;
    *) return 1 ;;
  esac
  host=${host%%/*} host=${host##*@} host=${host%%:*}
  case $host in
    '' | localhost | *.localhost | 127.* | 0.0.0.0 | "["* | "$(uname -n)") return 1 ;;
  esac
}
[ "$($git rev-parse --is-inside-work-tree --show-cdup)" = true ] || exit
remotes=
for name in $($git remote); do
  case $name in *[!A-Za-z0-9._/-]*) exit ;; esac
  urls=$($git remote get-url --all -- "$name" && $git remote get-url --push --all -- "$name") || exit
  [ -n "$urls" ] || exit
  for url in $urls; do elsewhere "$url" || exit; done
  remotes="$remotes --remotes=$name"
done
head=$($git rev-parse --verify --quiet 'HEAD^{commit}') && [ -n "$remotes" ] || exit
unpushed=$($git rev-list --max-count=1 "$head" --not $remotes) || exit
if [ -z "$unpushed" ]; then
  $git ls-tree -r -z --full-tree "$head"
else
  $git rev-list --boundary "$head" --not $remotes | sed -n 's/^-//p' | head -n 20 |
    while read -r commit; do $git ls-tree -r -z --full-tree "$commit" || exit; done
fi
)sh";

// Git's names of what is there now, a line each.
constexpr std::string_view hash_files = "$git hash-object --no-filters --stdin-paths\n";
constexpr std::string_view hash_links =
    "xargs -0 sh -c 'for link; do readlink -n -- \"$link\" | "
    "$git hash-object --no-filters --stdin || exit; done' sh\n";

struct Tracked {
  FileKind kind = FileKind::file;
  std::string hash;
};
// By path in its repository; several where several commits are looked at.
using Trees = std::multimap<std::string, Tracked>;

// "MODE blob HASH\tPATH", each with a zero byte at its end.
Trees read_trees(std::string_view text) {
  Trees found;
  for (const auto& line : split(text, '\0')) {
    const auto tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const auto words = split(std::string_view(line).substr(0, tab), ' ');
    if (words.size() != 3 || words[1] != "blob") continue;
    const auto kind = words[0] == "120000" ? FileKind::link : FileKind::file;
    found.emplace(line.substr(tab + 1), Tracked{.kind = kind, .hash = words[2]});
  }
  return found;
}

class Repositories {
 public:
  Repositories(Channel& there, fs::path folder, const Wait& wait)
      : there_(there), folder_(std::move(folder)), wait_(wait) {}

  // Those folders, relative and "" for the whole, that have a .git.
  Result<std::set<std::string>> among(const std::set<std::string>& folders) const {
    Command command{
        .argv = {"xargs", "-0", "sh", "-c",
                 R"(for at; do [ ! -e "$at/.git" ] || printf '%s\0' "$at"; done)", "sh"},
        .environment = {{"LC_ALL", "C"}},
        .folder = folder_};
    for (const auto& folder : folders) command.input += "./" + folder + '\0';
    std::set<std::string> found;
    for (const auto& line : split(TRY(said(command)), '\0')) {
      if (line.starts_with("./")) found.insert(line.substr(2));
    }
    return found;
  }

  // Of `files` of one repository, by their paths in it, those that are safe.
  Result<std::vector<std::string>> pushed(const std::string& repository,
                                          const std::map<std::string, FileKind>& files) const {
    const auto tracked = read_trees(TRY(ask(repository, trees, {})));
    std::vector<std::string> safe;
    for (const auto kind : {FileKind::file, FileKind::link}) {
      std::vector<std::string> asked;
      std::string input;
      for (const auto& [path, its_kind] : files) {
        const bool is_a_line = path.find_first_of("\r\n") == std::string::npos;
        if (its_kind != kind || !is_a_line || !tracked.contains(path)) continue;
        asked.push_back(path);
        input += "./" + path + (kind == FileKind::link ? '\0' : '\n');
      }
      if (asked.empty()) continue;
      const auto hashes = lines_of(
          TRY(ask(repository, kind == FileKind::link ? hash_links : hash_files, std::move(input))));
      if (hashes.size() != asked.size()) continue;
      for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto [from, to] = tracked.equal_range(asked[i]);
        const bool is_in_one = std::any_of(from, to, [&](const auto& one) {
          return one.second.kind == kind && one.second.hash == hashes[i];
        });
        if (is_in_one) safe.push_back(asked[i]);
      }
    }
    return safe;
  }

 private:
  // What was printed by a command that went well; "" by one that did not.
  Result<std::string> said(const Command& command) const {
    auto ran = there_.run(command, wait_);
    if (!ran && ran.error().reason == Reason::interrupted) return fail(std::move(ran.error()));
    return ran && ran->status == 0 ? std::move(ran->output) : std::string();
  }

  Result<std::string> ask(const std::string& repository, std::string_view script,
                          std::string input) const {
    return said({.argv = {"sh", "-c", fmt::format("{}{}", careful_git, script)},
                 .environment = careful_variables(),
                 .without = {"GIT_*"},
                 .folder = folder_ / repository,
                 .input = std::move(input)});
  }

  Channel& there_;
  fs::path folder_;
  const Wait& wait_;
};

std::string parent_of(const std::string& path) {
  return fs::path(path).parent_path().string();
}

}  // namespace

Result<std::set<std::string>> pushed_files(Channel& there, const fs::path& folder,
                                           const FileList& files, const Wait& wait) {
  std::set<std::string> pushed;
  if (files.empty()) return pushed;
  const auto bounded = wait.sooner(time_to_ask);
  const Repositories repositories(there, folder, bounded);
  std::set<std::string> folders = {""};
  for (const auto& [path, entry] : files) {
    for (auto at = parent_of(path); !at.empty(); at = parent_of(at)) folders.insert(at);
  }
  const auto found = TRY(repositories.among(folders));
  std::map<std::string, std::map<std::string, FileKind>> by_repository;
  for (const auto& [path, entry] : files) {
    auto at = parent_of(path);
    while (!at.empty() && !found.contains(at)) at = parent_of(at);
    if (!found.contains(at)) continue;
    by_repository[at][at.empty() ? path : path.substr(at.size() + 1)] = entry.kind;
  }
  for (const auto& [repository, its_files] : by_repository) {
    for (const auto& path : TRY(repositories.pushed(repository, its_files))) {
      pushed.insert((fs::path(repository) / path).string());
    }
  }
  return pushed;
}

}  // namespace carrel
