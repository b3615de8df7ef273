#include "channel/templates.hpp"

#include "os/process.hpp"

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(Templates, fills_templates_as_jupyter_client_does) {
  const auto plain =
      substituted({{"PATH", "/a$$b:${PATH}"}, {"X", "${NONE}-$Y-${}-${"}}, {{"PATH", "/bin"}});
  EXPECT_EQ(plain.at("PATH"), "/a$b:/bin");
  EXPECT_EQ(plain.at("X"), "${NONE}-$Y-${}-${");
}

}  // namespace
}  // namespace carrel
