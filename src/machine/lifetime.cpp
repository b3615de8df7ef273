#include "machine/lifetime.hpp"

#include "base/error.hpp"
#include "base/number.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace carrel {
namespace {

using std::chrono::seconds;

constexpr auto shortest = std::chrono::minutes(10);
constexpr auto longest = std::chrono::days(90);
constexpr int last_hour = 23;
constexpr int last_minute = 59;

// $1: "now" or "end", $2: by how many seconds, $3: the most from now on, $4: the grace.
constexpr std::string_view script = R"sh(set -eu
umask 022
cd /etc/systemd/system
up=$(cut -d. -f1 /proc/uptime)
had=$(sed -n 's/^OnBootSec=\([0-9][0-9]*\)s$/\1/p' carrel-lifetime.timer)
case $1 in now) ends=$((up + $2)) ;; *) ends=$((had + $2)) ;; esac
if [ $((ends - up)) -gt "$3" ]; then echo "@long $((ends - up))"; exit 0; fi
if [ $((ends - up)) -lt 60 ]; then echo "@short $((ends - up))"; exit 0; fi
sed -i "s/^OnBootSec=.*/OnBootSec=$((ends + $4))s/" carrel-lifetime-force.timer
sed -i "s/^OnBootSec=.*/OnBootSec=${ends}s/" carrel-lifetime.timer
systemctl daemon-reload
systemctl restart carrel-lifetime-force.timer carrel-lifetime.timer
next() {
  LC_ALL=C systemd-analyze timespan "$(systemctl show -p NextElapseUSecMonotonic --value "$1")" |
    sed -n '2s/.*: *\([0-9][0-9]*\)[0-9]\{6\}$/\1/p'
}
up=$(cut -d. -f1 /proc/uptime)
first=$(next carrel-lifetime.timer)
second=$(next carrel-lifetime-force.timer)
echo "@left $((ends - up)) $((first - up)) $((second - up))"
)sh";

constexpr auto grace = std::chrono::minutes(5);
constexpr std::int64_t tolerance = 15;  // seconds; AccuracySec, and a slow machine

std::unexpected<Error> no_duration(std::string_view text) {
  return usage_error(fmt::format("\"{}\" says no time", printable(text)),
                     "from 10m to 90d from now (90m, 12h, 2d), so much more than now (+2h), or a "
                     "time of day (18:00)");
}

// The next time that clocks here show this.
std::optional<seconds> until(int hour, int minute, std::chrono::system_clock::time_point now) {
  const auto from = std::chrono::system_clock::to_time_t(now);
  std::tm local{};
  if (localtime_r(&from, &local) == nullptr) return std::nullopt;
  const bool tomorrow = local.tm_hour > hour || (local.tm_hour == hour && local.tm_min >= minute);
  local.tm_hour = hour;
  local.tm_min = minute;
  local.tm_sec = 0;
  if (tomorrow) ++local.tm_mday;
  local.tm_isdst = -1;
  const auto then = std::mktime(&local);
  if (then == -1) return std::nullopt;
  return seconds(then - from);
}

}  // namespace

Result<Extension> parse_extension(std::string_view text,
                                  std::chrono::system_clock::time_point now) {
  Extension extension;
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    const auto hour = number_of<std::int64_t>(text.substr(0, colon));
    const auto minute = number_of<std::int64_t>(text.substr(colon + 1));
    if (!hour || !minute || *hour < 0 || *hour > last_hour || *minute < 0 ||
        *minute > last_minute || text.size() - colon != 3) {
      return no_duration(text);
    }
    const auto left = until(static_cast<int>(*hour), static_cast<int>(*minute), now);
    if (!left) return no_duration(text);
    extension.by = *left;
  } else {
    auto rest = text;
    if (rest.starts_with('+')) {
      extension.from = Extension::From::end;
      rest.remove_prefix(1);
    }
    if (rest.empty()) return no_duration(text);
    const auto count = number_of<std::int64_t>(rest.substr(0, rest.size() - 1));
    const std::int64_t unit = rest.back() == 'm'   ? 60
                              : rest.back() == 'h' ? 3600
                              : rest.back() == 'd' ? 86400
                                                   : 0;
    constexpr std::int64_t most_minutes = 129'600;
    if (!count || unit == 0 || *count < 0 || *count > most_minutes) return no_duration(text);
    extension.by = seconds(*count * unit);
  }
  if (extension.by < shortest || extension.by > longest) return no_duration(text);
  return extension;
}

std::string lifetime_script(const Extension& extension, seconds most) {
  const auto from = extension.from == Extension::From::now ? "now" : "end";
  return fmt::format("set -- {} {} {} {}\n{}", from, extension.by.count(), most.count(),
                     seconds(grace).count(), script);
}

Result<seconds> read_lifetime(std::string_view output, seconds most) {
  for (const auto& line : lines_of(output)) {
    const auto words = split(line, ' ');
    const auto left = words.size() > 1 ? number_of<std::int64_t>(words[1]) : std::nullopt;
    if (!left) continue;
    if (words[0] == "@long" || words[0] == "@short") {
      return fail(
          {.what = fmt::format("the machine would power itself off in {}",
                               duration_text(seconds(std::max<std::int64_t>(*left, 0)))),
           .why = words[0] == "@short"
                      ? "that leaves no time to save anything"
                      : fmt::format("{} from now is the most: a machine that is forgotten goes on "
                                    "costing",
                                    duration_text(most)),
           .hint = words[0] == "@short" ? "carrel stop stops it now"
                                        : "a shorter time; it can be extended again",
           .exit = Exit::usage,
           .reason = Reason::refused,
           .trace = {}});
    }
    if (words[0] != "@left" || words.size() != 4) continue;
    const auto first = number_of<std::int64_t>(words[2]);
    const auto second = number_of<std::int64_t>(words[3]);
    const auto near = [&](const std::optional<std::int64_t>& seen, std::int64_t wanted) {
      return seen && *seen >= wanted - tolerance && *seen <= wanted + tolerance;
    };
    if (near(first, *left) && near(second, *left + seconds(grace).count())) return seconds(*left);
    return fail({.what = "the machine's timer does not say what was written into it",
                 .why = printable(line),
                 .hint = "carrel ssh NAME -- systemctl list-timers shows when it powers itself off",
                 .trace = {}});
  }
  return fail({.what = "the machine did not say when it powers itself off",
               .why = printable(last_lines(output, 3)),
               .hint = "carrel ssh NAME -- systemctl list-timers shows it",
               .trace = {}});
}

}  // namespace carrel
