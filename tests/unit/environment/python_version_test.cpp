#include "environment/python_version.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(PythonVersion, compares_as_pep_440_does) {
  struct Case {
    std::string specifiers;
    std::string version;
    bool admitted = false;
  };
  const std::vector<Case> cases = {
      {">=3.10", "3.10", true},
      {">=3.10", "3.9", false},
      {">3.10", "3.10", true},
      {">3.10", "3.10.0", false},
      {"<3.12", "3.12", false},
      {"<3.12", "3.11", true},
      {"<=3.11", "3.11", true},
      {"<=3.11", "3.11.4", false},
      {"==3.11.*", "3.11.9", true},
      {"==3.11.*", "3.12", false},
      {"!=3.11.*", "3.11", false},
      {"~=3.10", "3.14", true},
      {"~=3.10", "4.0", false},
      {"~=3.10.2", "3.10", true},
      {"~=3.10.2", "3.11", false},
      {">=3.8,<3.11", "3.11", false},
      {">=3.8, <3.11", "3.10", true},
      {"3.12", "3.12.4", true},
      {"===3.12.1", "3.12.1", true},
      {">=3.13rc1", "3.13", true},
      {"", "3.10", true},
      {">=3.9", "3", true},
      {">=4", "3", false},
  };
  for (const auto& test : cases) {
    const auto admitted = admits(test.specifiers, test.version);
    ASSERT_TRUE(admitted) << test.specifiers;
    EXPECT_EQ(*admitted, test.admitted) << test.specifiers << " " << test.version;
  }
}

TEST(PythonVersion, refuses_what_is_no_constraint) {
  for (const char* text :
       {">=three", "^3.10", ">=", "~=3", ">=3..1", ">=99999999999999999999", "3.1.2.3.4"}) {
    EXPECT_FALSE(admits(text, "3.10")) << text;
  }
}

TEST(PythonVersion, asks_uv_for_3_10_or_later_unless_that_is_excluded) {
  EXPECT_EQ(uv_request(""), ">=3.10");
  EXPECT_EQ(uv_request("3.12"), "3.12");
  EXPECT_EQ(uv_request(">=3.8"), ">=3.10,>=3.8");
  EXPECT_EQ(uv_request("<3.9"), "<3.9");
}

TEST(PythonVersion, reads_the_ways_in_which_people_write_it) {
  for (const char* text : {"3.12", " 3.12 \n", "python-3.12", "cpython@3.12", "cpython-3.12",
                           "# x\n\n3.12 # y\n3.11"}) {
    const auto version = version_of_file(".python-version", text);
    ASSERT_TRUE(version) << text;
    EXPECT_EQ(*version, "3.12") << text;
  }
  EXPECT_EQ(version_of_file(".python-version", "\n# nothing\n").value(), "");
  for (const char* text : {"system", "miniconda3-latest", "3.12\x1b[31m", "--version", "3.12.x"}) {
    EXPECT_FALSE(version_of_file(".python-version", text)) << text;
  }
}

}  // namespace
}  // namespace carrel
