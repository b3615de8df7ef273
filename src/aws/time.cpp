#include "aws/time.hpp"

#include "os/clock.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace carrel {
namespace {

constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

struct Moment {
  int year, month, day, hour, minute, second;
};

std::optional<WallTime> time_of(const Moment& m) {
  if (std::ranges::min({m.year, m.month, m.day, m.hour, m.minute, m.second}) < 0)
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(m.year),
                                         std::chrono::month(static_cast<unsigned>(m.month)),
                                         std::chrono::day(static_cast<unsigned>(m.day)));
  if (!date.ok() || m.hour > 23 || m.minute > 59 || m.second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(m.hour) + std::chrono::minutes(m.minute) +
         std::chrono::seconds(m.second);
}

}  // namespace

std::optional<WallTime> http_date(std::string_view text) {
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const std::size_t month = months.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  return time_of({digits(text, 12, 4), static_cast<int>(month / 3) + 1, digits(text, 5, 2),
                  digits(text, 17, 2), digits(text, 20, 2), digits(text, 23, 2)});
}

std::optional<WallTime> aws_time(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':') {
    return std::nullopt;
  }
  std::string_view zone = text.substr(19);
  if (zone.starts_with('.')) {
    const std::size_t end = zone.find_first_not_of("0123456789", 1);
    if (end == std::string_view::npos) return std::nullopt;
    zone.remove_prefix(end);
  }
  static constexpr std::array<std::string_view, 4> utc = {"Z", "UTC", "+00:00", "+0000"};
  if (std::ranges::find(utc, zone) == utc.end()) return std::nullopt;
  return time_of({digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2), digits(text, 11, 2),
                  digits(text, 14, 2), digits(text, 17, 2)});
}

}  // namespace carrel
