#include "os/clock.hpp"

#include "fakes/fake_clock.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(clock, iso8601_is_utc_in_whole_seconds_rounded_down) {
  struct Case {
    std::int64_t ms;
    std::string_view text;
  };
  for (const auto& [ms, text] : std::vector<Case>{{0, "1970-01-01T00:00:00Z"},
                                                  {1'999, "1970-01-01T00:00:01Z"},
                                                  {-1, "1969-12-31T23:59:59Z"},
                                                  {951'782'399'000, "2000-02-28T23:59:59Z"},
                                                  {951'868'799'000, "2000-02-29T23:59:59Z"},
                                                  {1'795'519'000'500, "2026-11-24T11:16:40Z"}}) {
    EXPECT_EQ(iso8601(WallTime(Milliseconds(ms))), text) << ms;
  }
}

TEST(clock, the_fake_moves_only_when_told) {
  FakeClock clock;
  const Instant start = clock.now();
  EXPECT_EQ(iso8601(clock.wall()), "2026-11-24T11:16:40Z");
  EXPECT_EQ(clock.now(), start);
  clock.advance(std::chrono::seconds(20));
  EXPECT_EQ(clock.now() - start, std::chrono::seconds(20));
  EXPECT_EQ(iso8601(clock.wall()), "2026-11-24T11:17:00Z");
}

}  // namespace
}  // namespace carrel
