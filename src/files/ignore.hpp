// What a person's own rules leave out: git's in a repository, and `.carrelignore`, which is written
// like `.gitignore`. git itself reads them, on this computer; without git, a folder that has rules
// is an error, not a folder without rules.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "os/wait.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace carrel {

class IgnoreRules {
 public:
  // `scratch`: a private folder, for an empty repository that holds no rules but those given.
  static Result<IgnoreRules> of(Channel& here, std::filesystem::path folder,
                                std::filesystem::path scratch, const Wait& wait);
  // Files of the folder on this computer; a folder that is left out stands for all below it. What
  // git tracks is never ignored by git's rules.
  Result<std::set<std::string>> left_out(const Wait& wait) const;
  // Those of `paths`, which need not be on this computer; a folder's ends with '/', in the answer
  // it does not.
  Result<std::set<std::string>> left_out_of(const std::vector<std::string>& paths,
                                            const Wait& wait) const;

 private:
  IgnoreRules(Channel& here, std::filesystem::path folder, std::filesystem::path scratch)
      : here_(&here), folder_(std::move(folder)), scratch_(std::move(scratch)) {}
  Result<std::set<std::string>> git(std::vector<std::string> words, const std::filesystem::path& in,
                                    std::string input, const Wait& wait) const;
  std::vector<std::string> apart() const;

  Channel* here_;
  std::filesystem::path folder_;
  std::filesystem::path scratch_;
  bool in_repository_ = false;
  bool has_own_ = false;  // .carrelignore
};

}  // namespace carrel
