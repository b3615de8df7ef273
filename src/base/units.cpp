// How long and how much, for people.
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace carrel {

std::string duration_text(std::chrono::milliseconds duration) {
  // Each step rounds before it compares, so that 59.9 s is "1 min 00 s" and never "60 s".
  const std::int64_t ms = std::max<std::int64_t>(duration.count(), 0);
  const std::int64_t tenths = ms / 100 + (ms % 100 >= 50 ? 1 : 0);
  if (tenths < 100) return fmt::format("{}.{} s", tenths / 10, tenths % 10);
  const std::int64_t seconds = ms / 1000 + (ms % 1000 >= 500 ? 1 : 0);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  const std::int64_t minutes = (seconds + 30) / 60;
  constexpr std::int64_t day = 1440;
  if (minutes < 2 * day) return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
  return fmt::format("{} days", (minutes + day / 2) / day);
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> units = {"KB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return value < 9.95 ? fmt::format("{:.1f} {}", value, units.at(unit))
                      : fmt::format("{:.0f} {}", value, units.at(unit));
}

}  // namespace carrel
