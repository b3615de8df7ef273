#include "files/copy.hpp"

#include "unit/files/two_sides.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

class CopyTest : public TwoSides {
 protected:
  CopyReport copy(Direction direction, std::vector<fs::path> from, fs::path to) {
    auto done = copy_files(channel(), channel(),
                           {.direction = direction, .from = std::move(from), .to = std::move(to)},
                           "abc", notes(), patience());
    if (!done) {
      ADD_FAILURE() << done.error().what << ": " << done.error().why;
      return {};
    }
    return *done;
  }
};

TEST_F(CopyTest, copies_files_and_folders_both_ways_as_cp_does) {
  write(there() / "m.pt", "model");
  write(there() / "runs/a/.git/x", "everything goes");
  write(there() / "runs/a/log", "l");
  fs::create_symlink("log", there() / "runs/a/link");
  EXPECT_EQ(copy(Direction::home, {there() / "m.pt"}, here()).files, 1U);
  EXPECT_EQ(text(here() / "m.pt"), "model");
  copy(Direction::home, {there() / "m.pt"}, here() / "renamed.pt");
  EXPECT_EQ(text(here() / "renamed.pt"), "model");
  EXPECT_EQ(copy(Direction::home, {there() / "runs/a", there() / "m.pt"}, here()).files, 3U);
  EXPECT_EQ(text(here() / "a/.git/x"), "everything goes");
  EXPECT_EQ(fs::read_symlink(here() / "a/link"), "log");
  const auto again = copy(Direction::home, {there() / "runs/a"}, here());
  EXPECT_EQ(again.files, 0U);
  EXPECT_EQ(again.there_already, 3U);
  EXPECT_EQ(copy(Direction::out, {here() / "a/"}, there() / "new name").files, 3U);
  EXPECT_EQ(text(there() / "new name/log"), "l");
  write(here() / "m.pt", "mine");
  copy(Direction::out, {here() / "m.pt"}, there() / "");
  EXPECT_EQ(text(there() / "m.pt"), "mine");
}

TEST_F(CopyTest, a_copy_of_nothing_or_onto_the_wrong_kind_is_an_error) {
  write(there() / "f", "x");
  fs::create_directories(there() / "d");
  write(here() / "d", "a file");
  const auto refused = [&](std::vector<fs::path> from, fs::path to) {
    return !copy_files(channel(), channel(),
                       {.direction = Direction::home, .from = std::move(from), .to = std::move(to)},
                       "abc", notes(), patience());
  };
  EXPECT_TRUE(refused({there() / "no"}, here()));
  EXPECT_TRUE(refused({there() / "d"}, here()));
  EXPECT_TRUE(refused({there() / "f", there() / "d"}, here() / "none"));
  EXPECT_EQ(text(here() / "d"), "a file");
}

}  // namespace
}  // namespace carrel
