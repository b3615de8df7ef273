#include "base/number.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(number, is_the_whole_text) {
  EXPECT_EQ(number_of<int>("42"), 42);
  EXPECT_EQ(number_of<int>("-1"), -1);
  EXPECT_EQ(number_of<double>("0.5"), 0.5);
  EXPECT_EQ(number_of<std::uint16_t>("65535"), 65535);
  for (const std::string_view text : {"", " 1", "1 ", "+1", "1x", "0x1", "65536", "-1"}) {
    EXPECT_EQ(number_of<std::uint16_t>(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace carrel
