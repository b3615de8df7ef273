#include "files/ignore.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"

#include <expected>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr auto own_rules = ".carrelignore";

std::unexpected<Error> cannot_ask(const fs::path& folder, std::string why) {
  return fail(
      {.what = fmt::format("git cannot say which files of {} to leave out", folder.string()),
       .why = std::move(why),
       .hint = "nothing was sent"});
}

bool is_in_work_tree(const fs::path& folder) {
  std::error_code error;
  for (auto at = folder;; at = at.parent_path()) {
    if (fs::exists(at / ".git", error)) return true;
    if (at == at.parent_path()) return false;
  }
}

Command git_command(std::vector<std::string> words, const fs::path& in) {
  Command command{.argv = {"git"},
                  .environment = {{"LC_ALL", "C"}, {"GIT_OPTIONAL_LOCKS", "0"}},
                  .without = {"GIT_*"},
                  .folder = in};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  return command;
}

}  // namespace

Result<IgnoreRules> IgnoreRules::of(Channel& here, fs::path folder, fs::path scratch,
                                    const Wait& wait) {
  IgnoreRules rules(here, std::move(folder), std::move(scratch));
  std::error_code error;
  rules.has_own_ = fs::is_regular_file(rules.folder_ / own_rules, error);
  if (is_in_work_tree(rules.folder_)) {
    auto asked = here.run(git_command({"rev-parse", "--is-inside-work-tree"}, rules.folder_), wait);
    if (!asked) return std::unexpected(std::move(asked).error());
    const bool is_none = asked->error.contains("not a git repository");
    if (asked->status != 0 && !is_none) {
      return cannot_ask(rules.folder_, printable(trimmed(asked->error)));
    }
    rules.in_repository_ = asked->status == 0 && trimmed(asked->output) == "true";
  }
  if (!rules.has_own_) return rules;
  TRY(make_private_folder(rules.scratch_));
  TRY(make_private_folder(rules.scratch_ / "nothing"));
  TRY(rules.git({"init", "-q", "--bare", (rules.scratch_ / "git").string()}, rules.scratch_, {},
                wait));
  return rules;
}

// Of a repository of our own, which has no rules.
std::vector<std::string> IgnoreRules::apart() const {
  return {fmt::format("--git-dir={}", (scratch_ / "git").string()), "--work-tree=."};
}

Result<std::set<std::string>> IgnoreRules::git(std::vector<std::string> words, const fs::path& in,
                                               std::string input, const Wait& wait) const {
  auto command = git_command(std::move(words), in);
  command.input = std::move(input);
  const auto ran = TRY(here_->run(command, wait));
  // check-ignore says 1 for "none of them"
  if (ran.status > 1 || (ran.status == 1 && !ran.error.empty())) {
    return cannot_ask(folder_, printable(trimmed(ran.error)));
  }
  std::set<std::string> paths;
  for (auto& path : split(ran.output, '\0')) {
    if (path.ends_with('/')) path.pop_back();
    if (!path.empty()) paths.insert(std::move(path));
  }
  return paths;
}

Result<std::set<std::string>> IgnoreRules::left_out(const Wait& wait) const {
  std::set<std::string> paths;
  if (in_repository_) {
    paths =
        TRY(git({"ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"},
                folder_, {}, wait));
  }
  if (has_own_) {
    auto words = apart();
    for (const auto* word : {"ls-files", "-z", "--others", "--ignored", "--directory"}) {
      words.emplace_back(word);
    }
    words.push_back(fmt::format("--exclude-from={}", own_rules));
    paths.merge(TRY(git(std::move(words), folder_, {}, wait)));
  }
  return paths;
}

Result<std::set<std::string>> IgnoreRules::left_out_of(const std::vector<std::string>& paths,
                                                       const Wait& wait) const {
  std::set<std::string> found;
  if (paths.empty()) return found;
  // git refuses all of them for one that is behind a link of this computer.
  std::map<fs::path, bool> behind_link = {{"", false}};
  const auto is_behind_link = [&](const fs::path& folder, const auto& self) -> bool {
    if (const auto known = behind_link.find(folder); known != behind_link.end()) {
      return known->second;
    }
    std::error_code error;
    return behind_link[folder] =
               self(folder.parent_path(), self) || fs::is_symlink(folder_ / folder, error);
  };
  std::string input;
  for (const auto& path : paths) {
    if (is_behind_link(fs::path(path).parent_path(), is_behind_link)) continue;
    input += path;
    input += '\0';
  }
  if (input.empty()) return found;
  const std::vector<std::string> question = {"check-ignore", "--no-index", "-z", "--stdin"};
  if (in_repository_) found = TRY(git(question, folder_, input, wait));
  if (has_own_) {
    // In an empty folder: it is the names alone that are asked about.
    auto words = apart();
    words.emplace_back("-c");
    words.push_back(fmt::format("core.excludesFile={}", (folder_ / own_rules).string()));
    words.insert(words.end(), question.begin(), question.end());
    found.merge(TRY(git(std::move(words), scratch_ / "nothing", std::move(input), wait)));
  }
  return found;
}

}  // namespace carrel
