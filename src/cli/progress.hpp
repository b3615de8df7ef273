// Three ways to show phases (base/progress.hpp): one live line on a terminal, one plain line a
// phase elsewhere, NDJSON events for programs (docs/reference/json.md).
#pragma once

#include "base/progress.hpp"
#include "cli/command.hpp"
#include "cli/show.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace carrel::cli {

// Ends what is shown: a phase that is still open is marked as failed unless `close` was told that
// all is done.
class ShownProgress : public Progress {
 public:
  enum class Outcome { done, failed };
  virtual void close(Outcome outcome) = 0;
  // Writes whole lines of its own, above what is redrawn.
  virtual void above(const std::function<void()>& write) { write(); }
};

// Phases on a terminal: while one runs, a line with a spinner, the elapsed and usual time and the
// detail is redrawn by a thread of its own, so that the time moves while the work is silent. Done,
// it becomes "✓ environment  numpy, matplotlib  0.2 s".
std::unique_ptr<ShownProgress> terminal_progress(Terminal& terminal, const Clock& clock, Look look);
// "making the environment (usually 12 s)" when a phase begins, "environment: numpy, matplotlib (0.2
// s)" when it is done. `of`: a workspace's name, which each line or event of several has.
std::unique_ptr<ShownProgress> plain_progress(Terminal& terminal, const Clock& clock,
                                              std::string_view of = {});
std::unique_ptr<ShownProgress> json_progress(Terminal& terminal, const Clock& clock,
                                             std::string_view of = {});

// The one that fits: --json, a terminal on standard error, or neither.
std::unique_ptr<ShownProgress> progress_for(const CommandContext& context);
bool has_live_line(const CommandContext& context);

}  // namespace carrel::cli
