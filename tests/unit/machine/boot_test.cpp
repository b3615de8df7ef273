#include "machine/boot.hpp"

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(boot, tells_what_went_wrong) {
  const auto failed =
      boot_errors(R"json({"v1": {"errors": ["('scripts-user', RuntimeError('x'))"]}})json");
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0], "('scripts-user', RuntimeError('x'))");
  for (const auto* text :
       {R"({"v1": {"datasource": null, "errors": []}})", "", "[]", "{}", "{\"v1\"",
        R"({"v1": {"errors": 7}})", R"({"v1": {"errors": [7]}})", R"({"v1": []})"}) {
    EXPECT_TRUE(boot_errors(text).empty()) << text;
  }
}

}  // namespace
}  // namespace carrel
