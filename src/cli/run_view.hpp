// How a running notebook looks. Pure.
#pragma once

#include "cli/show.hpp"
#include "workspace/workspaces.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace carrel::cli {

struct RunPoint {
  std::size_t done = 0;
  std::size_t cells = 0;
  std::string first_line;  // of the cell that runs now
};

// "━━━━━━──────  3/10  12 s  model.fit(x, y)"; no point yet: the notebook is being opened.
std::string bar_text(const std::optional<RunPoint>& point, std::chrono::milliseconds elapsed,
                     const Look& look);
// The traceback as the kernel sent it, with its colours only where colours are wanted; the error's
// name without one.
std::string failure_text(const RunReport& report, const Look& look);
// "train.ipynb: 10 cells in 12 s", "train.ipynb: cell 3 of 10 failed after 2 s: ZeroDivisionError:
// division by zero"
std::string report_line(const std::string& notebook, const RunReport& report,
                        std::chrono::milliseconds elapsed);

}  // namespace carrel::cli
