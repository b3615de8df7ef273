#include "cli/run_view.hpp"

#include "base/text.hpp"
#include "cli/show.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace carrel::cli {
namespace {

constexpr std::size_t bar_width = 20;

std::string repeated(std::string_view piece, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += piece;
  return result;
}

}  // namespace

std::string bar_text(const std::optional<RunPoint>& point, std::chrono::milliseconds elapsed,
                     const Look& look) {
  const auto room = static_cast<std::size_t>(std::max(look.width - 1, 20));
  const auto time = duration_text(elapsed);
  if (!point) return cut("opening the notebook  " + time, room, look);
  const auto full = point->cells == 0 ? std::size_t{0}
                                      : std::min(bar_width, bar_width * point->done / point->cells);
  const auto bar = styled(repeated(look.unicode ? "━" : "#", full), Style::green, look) +
                   styled(repeated(look.unicode ? "─" : ".", bar_width - full), Style::dim, look);
  const auto counts =
      "  " + std::to_string(point->done) + "/" + std::to_string(point->cells) + "  " + time + "  ";
  const auto fixed = bar_width + display_width(counts);
  return bar + cut(counts, room > bar_width ? room - bar_width : 0, look) +
         (room > fixed ? cut(point->first_line, room - fixed, look) : "");
}

std::string failure_text(const RunReport& report, const Look& look) {
  std::string text;
  for (const auto& line : report.traceback) {
    text += printable_coloured(line, look.colours);
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

std::string report_line(const std::string& notebook, const RunReport& report,
                        std::chrono::milliseconds elapsed) {
  const auto name = one_line(notebook);
  const auto cells = std::to_string(report.cells) + (report.cells == 1 ? " cell" : " cells");
  const auto time = duration_text(elapsed);
  if (report.interrupted) {
    return name + ": interrupted after " + time + ", " + std::to_string(report.done) + " of " +
           cells + " done";
  }
  if (report.failed_cell) {
    const auto value = one_line(report.error_value);
    return name + ": cell " + std::to_string(*report.failed_cell) + " of " +
           std::to_string(report.cells) + " failed after " + time + ": " +
           one_line(report.error_name) + (value.empty() ? "" : ": " + value);
  }
  return name + ": " + cells + " in " + time;
}

}  // namespace carrel::cli
