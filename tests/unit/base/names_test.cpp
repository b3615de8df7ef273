#include "base/names.hpp"

#include "base/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

std::chrono::system_clock::time_point at(std::int64_t ms) {
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
}

constexpr std::string_view one_to_ten = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a";

TEST(workspace_id, is_ten_characters_of_time_and_sixteen_of_chance) {
  EXPECT_EQ(WorkspaceId::make(at(1469922850259), one_to_ten).text(), "01arz3ndek041061050r3gg28a");
  EXPECT_EQ(WorkspaceId::make(at(0), std::string(10, '\xff')).text(), "0000000000zzzzzzzzzzzzzzzz");
}

TEST(workspace_id, sorts_by_time) {
  EXPECT_LT(WorkspaceId::make(at(1000), std::string(10, '\xff')),
            WorkspaceId::make(at(1001), std::string(10, '\0')));
}

TEST(workspace_id, short_text_is_the_random_end) {
  EXPECT_EQ(WorkspaceId::make(at(5), one_to_ten).short_text(), "61050r3gg28a");
}

TEST(workspace_id, parses_what_it_made_and_nothing_else) {
  const WorkspaceId id = WorkspaceId::make(at(1469922850259), one_to_ten);
  EXPECT_EQ(WorkspaceId::parse(id.text()), id);
  for (const std::string_view bad : {"", "01arz3ndek041061050r3gg28", "01arz3ndek041061050r3gg28aa",
                                     "01ARZ3NDEK041061050r3gg28a", "81arz3ndek041061050r3gg28a",
                                     "01arz3ndek041061050r3gg28u", "01arz3ndek04106/050r3gg28a"}) {
    EXPECT_FALSE(WorkspaceId::parse(bad)) << bad;
  }
}

TEST(workspace_name, accepts_letters_digits_and_inner_hyphens) {
  for (const std::string_view good : {"a", "d2l", "Deep-Learning-2", "1"}) {
    const auto name = WorkspaceName::parse(good);
    ASSERT_TRUE(name) << good;
    EXPECT_EQ(name->text(), good);
  }
  EXPECT_TRUE(WorkspaceName::parse(std::string(40, 'a')));
}

TEST(workspace_name, refuses_everything_else_as_wrong_usage) {
  for (const std::string& bad : std::vector<std::string>{"", "-a", "a-", "a b", "a/b", "..", "a_b",
                                                         "é", "a\n", std::string(41, 'a')}) {
    const auto name = WorkspaceName::parse(bad);
    ASSERT_FALSE(name) << bad;
    EXPECT_EQ(name.error().exit, Exit::usage);
    EXPECT_FALSE(name.error().hint.empty());
  }
}

TEST(workspace_name, an_error_shows_no_escape_sequence) {
  EXPECT_EQ(WorkspaceName::parse("\x1b[2J").error().what, "\"^[[2J\" cannot be a workspace name");
}

TEST(workspace_name, is_made_from_any_folder) {
  struct Case {
    std::string folder;
    std::string name;
  };
  for (const auto& [folder, name] :
       std::vector<Case>{{"d2l-en", "d2l-en"},
                         {"My Notebooks (2026)", "My-Notebooks-2026"},
                         {"--a__b--", "a-b"},
                         {"", "workspace"},
                         {"漢字", "workspace"},
                         {"café", "caf"},
                         {std::string(39, 'a') + " b", std::string(39, 'a')},
                         {std::string(60, 'a'), std::string(40, 'a')}}) {
    EXPECT_EQ(WorkspaceName::from_folder(folder).text(), name) << folder;
    EXPECT_TRUE(WorkspaceName::parse(WorkspaceName::from_folder(folder).text()));
  }
}

TEST(workspace_name, numbers_fit_in_forty_characters) {
  EXPECT_EQ(WorkspaceName::from_folder("a").numbered(2).text(), "a-2");
  const auto longest = WorkspaceName::from_folder(std::string(37, 'a') + "-bb");
  EXPECT_EQ(longest.numbered(10).text(), std::string(37, 'a') + "-10");
  EXPECT_TRUE(WorkspaceName::parse(longest.numbered(12345).text()));
}

}  // namespace
}  // namespace carrel
