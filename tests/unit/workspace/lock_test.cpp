#include "workspace/lock.hpp"

#include "base/error.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "unit/workspace/fixture.hpp"

#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace carrel {
namespace {

class LockTest : public WorldTest {};

TEST_F(LockTest, is_had_at_once_and_silently_when_nobody_has_it) {
  const auto lock = lock_workspace(world, added("a"), progress, Wait{});
  ASSERT_TRUE(lock);
  EXPECT_TRUE(progress.notes.empty());
}

TEST_F(LockTest, of_one_workspace_is_not_that_of_another) {
  const auto a = lock_workspace(world, added("a"), progress, Wait{});
  const auto b = lock_workspace(world, added("b"), progress, Wait{});
  EXPECT_TRUE(a && b);
  EXPECT_TRUE(progress.notes.empty());
}

TEST_F(LockTest, that_another_has_is_said_and_waited_for) {
  const auto row = added("a");
  std::optional<FileLock> first = lock_workspace(world, row, progress, Wait{}).value();
  progress.on_note = [&] { first.reset(); };
  const auto second = lock_workspace(world, row, progress, Wait{});
  ASSERT_TRUE(second);
  ASSERT_EQ(progress.notes.size(), 1U);
  EXPECT_NE(progress.notes[0].find("busy with a"), std::string::npos);
}

TEST_F(LockTest, that_another_keeps_ends_at_the_deadline_or_at_ctrl_c) {
  const auto row = added("a");
  const auto first = lock_workspace(world, row, progress, Wait{});
  ASSERT_TRUE(first);
  const auto late = lock_workspace(world, row, progress, Wait::at_most(Milliseconds(5)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::busy);
  Interrupt interrupt;
  progress.on_note = [&] { interrupt.raise(); };
  const auto ended =
      lock_workspace(world, row, progress, Wait{.deadline = std::nullopt, .interrupt = &interrupt});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, Reason::interrupted);
}

// `rm` takes the lock's file away while it holds it; whoever waited must not go on with that file.
TEST_F(LockTest, whose_file_was_removed_is_taken_on_the_new_file) {
  const auto row = added("a");
  std::optional<FileLock> first = lock_workspace(world, row, progress, Wait{}).value();
  progress.on_note = [&] {
    ASSERT_TRUE(remove_tree(world.paths.lock_of(row.id)));
    first.reset();
  };
  const auto second = lock_workspace(world, row, progress, Wait{});
  ASSERT_TRUE(second);
  EXPECT_TRUE(FileLock::is_held(world.paths.lock_of(row.id)));
}

}  // namespace
}  // namespace carrel
