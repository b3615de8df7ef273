#include "base/money.hpp"

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(money, shows_cents_and_below_a_cent_what_counts) {
  struct Case {
    std::int64_t micro_usd;
    std::string_view text;
  };
  for (const auto& [micro, text] :
       std::vector<Case>{{0, "$0.00"},
                         {1'250'000, "$1.25"},
                         {4'200, "$0.0042"},
                         {9'949, "$0.0099"},
                         {9'950, "$0.01"},
                         {10'000, "$0.01"},
                         {1'254'999, "$1.25"},
                         {1'255'000, "$1.26"},
                         {999'999, "$1.00"},
                         {42, "$0.000042"},
                         {-1'250'000, "-$1.25"},
                         {std::numeric_limits<std::int64_t>::min(), "-$9223372036854.78"}}) {
    EXPECT_EQ(to_string(Money{micro}), text) << micro;
  }
}

TEST(money, adds_exactly) {
  EXPECT_EQ(Money{1} + Money{2}, Money{3});
}

}  // namespace
}  // namespace carrel
