#include "machine/lifetime.hpp"

#include "base/error.hpp"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using namespace std::chrono_literals;
using From = Extension::From;

// Noon on a day without a change of clocks, wherever the test runs.
std::chrono::system_clock::time_point noon() {
  std::tm local{};
  local.tm_year = 126;
  local.tm_mon = 0;
  local.tm_mday = 15;
  local.tm_hour = 12;
  local.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&local));
}

TEST(extension, is_from_now_later_than_planned_or_at_a_time_of_day) {
  struct Case {
    std::string text;
    From from;
    std::chrono::seconds by;
  };
  const std::vector<Case> cases = {{"10m", From::now, 10min},   {"12h", From::now, 12h},
                                   {"2d", From::now, 48h},      {"+2h", From::end, 2h},
                                   {"+90m", From::end, 90min},  {"18:00", From::now, 6h},
                                   {"12:10", From::now, 10min}, {"11:59", From::now, 24h - 1min},
                                   {"12:00", From::now, 24h},   {"00:30", From::now, 12h + 30min}};
  for (const auto& one : cases) {
    const auto extension = parse_extension(one.text, noon());
    ASSERT_TRUE(extension) << one.text;
    EXPECT_EQ(extension->from, one.from) << one.text;
    EXPECT_EQ(extension->by, one.by) << one.text;
  }
}

TEST(extension, refuses_what_says_no_time_or_makes_no_sense) {
  for (const auto* text : {"",    "h",     "+",     "+h",          "2",
                           "-2h", "+-2h",  "2h3",   "2w",          "9m",
                           "91d", "12:09", "24:00", "18:60",       "18:0",
                           "8",   ":",     "1:2:3", "until 18:00", "99999999999999999999h"}) {
    const auto extension = parse_extension(text, noon());
    ASSERT_FALSE(extension) << text;
    EXPECT_EQ(extension.error().exit, Exit::usage) << text;
  }
}

TEST(lifetime, is_what_the_machine_says_when_its_timers_agree) {
  EXPECT_EQ(read_lifetime("@left 7200 7200 7500\n", 24h).value(), 7200s);
  EXPECT_EQ(read_lifetime("a login shell's word\n@left 7200 7195 7504\n", 24h).value(), 7200s);
}

TEST(lifetime, that_a_timer_will_not_keep_is_an_error) {
  for (const auto* said : {"@left 7200 43200 43500\n", "@left 7200 7200 43500\n",
                           "@left 7200 -60 -60\n", "@left 7200\n", "@left x 7200 7500\n", ""}) {
    EXPECT_FALSE(read_lifetime(said, 24h)) << said;
  }
}

TEST(lifetime, that_the_machine_refused_says_why) {
  const auto too_long = read_lifetime("@long 864000\n", 168h);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().reason, Reason::refused);
  EXPECT_TRUE(too_long.error().why.contains("7 days")) << too_long.error().why;
  const auto too_short = read_lifetime("@short -5\n", 168h);
  ASSERT_FALSE(too_short);
  EXPECT_EQ(too_short.error().reason, Reason::refused);
}

TEST(lifetime, script_never_uses_a_timer_that_a_reload_sets_back) {
  const auto script = lifetime_script({.from = From::end, .by = 2h}, 168h);
  EXPECT_TRUE(script.starts_with("set -- end 7200 604800 300\n")) << script;
  EXPECT_FALSE(script.contains("OnActiveSec"));
  EXPECT_FALSE(script.contains("systemd-run"));
  EXPECT_FALSE(script.contains("/etc/carrel")) << "the next boot has its lifetime again";
}

}  // namespace
}  // namespace carrel
