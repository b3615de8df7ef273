#include "cli/version.hpp"

#include "os/file.hpp"

#include <string>

#include <gtest/gtest.h>

namespace carrel::cli {
namespace {

TEST(version, is_the_one_of_the_build) {
  const auto build = read_file(CARREL_SOURCE_DIR "/CMakeLists.txt");
  ASSERT_TRUE(build);
  EXPECT_NE(build->find("project(carrel VERSION " + std::string(version) + " "), std::string::npos);
}

}  // namespace
}  // namespace carrel::cli
