// Programs that exist only in a table: how argv begins → what comes of it. Records every call. The
// longest beginning that fits answers; of two equal ones the later. A program that is not in the
// table does not exist (Reason::not_found).
//
//   FakeProcesses processes;
//   processes.when({"uv", "venv"}, ProcessResult{.status = 0, .output = "", .error = ""});
//   processes.when({"git"}, Error{.what = "no network", ...});
//   processes.when({"uv", "sync"}, [&](const ProcessSpec& spec) { make_files(*spec.folder); return
//   ProcessResult{}; });
#pragma once

#include "base/error.hpp"
#include "base/text.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace carrel {

class FakeProcesses final : public Processes {
 public:
  using Answer = std::function<Result<ProcessResult>(const ProcessSpec&)>;

  void when(std::vector<std::string> beginning, Answer answer) {
    table_.emplace_back(std::move(beginning), std::move(answer));
  }
  void when(std::vector<std::string> beginning, ProcessResult result) {
    when(std::move(beginning),
         Answer([result = std::move(result)](const ProcessSpec&) -> Result<ProcessResult> {
           return result;
         }));
  }
  void when(std::vector<std::string> beginning, Error error) {
    when(std::move(beginning),
         Answer([error = std::move(error)](const ProcessSpec&) -> Result<ProcessResult> {
           return fail(error);
         }));
  }

  // Like the real one, it gives each line to `on_output` or all to `on_bytes`, captures nothing
  // with `terminal`, and ends when interrupted.
  Result<ProcessResult> run(const ProcessSpec& spec, const Wait& wait) override {
    calls_.push_back(spec);
    if (wait.interrupt != nullptr && wait.interrupt->raised()) {
      return fail({.what = "interrupted",
                   .why = {},
                   .hint = {},
                   .exit = Exit::interrupted,
                   .reason = Reason::interrupted,
                   .trace = {}});
    }
    const Answer* answer = find(spec.argv);
    if (answer == nullptr) {
      return fail({.what = "cannot start " + (spec.argv.empty() ? "" : spec.argv.front()),
                   .why = "there is no such program in the table: " + shell_joined(spec.argv),
                   .hint = {},
                   .reason = Reason::not_found,
                   .trace = {}});
    }
    ProcessResult result = TRY((*answer)(spec));
    if (spec.on_bytes) {
      if (spec.on_bytes(Stream::output, result.output)) {
        (void)spec.on_bytes(Stream::error, result.error);
      }
      result.output = result.error = "";
      return result;
    }
    if (spec.on_output) {
      for (const std::string& line : lines_of(result.output)) spec.on_output(line);
      for (const std::string& line : lines_of(result.error)) spec.on_output(line);
    }
    if (spec.terminal) result.output = result.error = "";
    return result;
  }

  const std::vector<ProcessSpec>& calls() const { return calls_; }
  std::vector<std::string> commands() const {  // each call as one would type it
    std::vector<std::string> commands;
    commands.reserve(calls_.size());
    for (const ProcessSpec& call : calls_) commands.push_back(shell_joined(call.argv));
    return commands;
  }

 private:
  const Answer* find(const std::vector<std::string>& argv) const {
    const Answer* best = nullptr;
    std::size_t best_length = 0;
    for (const auto& [beginning, answer] : table_) {
      const bool fits = beginning.size() <= argv.size() &&
                        std::equal(beginning.begin(), beginning.end(), argv.begin());
      if (fits && (best == nullptr || beginning.size() >= best_length)) {
        best = &answer;
        best_length = beginning.size();
      }
    }
    return best;
  }

  std::vector<std::pair<std::vector<std::string>, Answer>> table_;
  std::vector<ProcessSpec> calls_;
};

}  // namespace carrel
