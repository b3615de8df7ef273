#include "workspace/paths.hpp"

#include "base/names.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace carrel {
namespace {

WorkspaceId some_id() {
  return WorkspaceId::make(WallTime(std::chrono::seconds(1'795'519'000)), "0123456789");
}

TEST(paths, are_those_of_the_xdg_specification) {
  const auto paths = WorkspacePaths::from({{"HOME", "/home/ada"}}, 1000);
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->state, "/home/ada/.local/state/carrel");
  EXPECT_EQ(paths->data, "/home/ada/.local/share/carrel");
  EXPECT_EQ(paths->cache, "/home/ada/.cache/carrel");
  EXPECT_EQ(paths->run, "/home/ada/.local/state/carrel/run");
  EXPECT_EQ(paths->journal(), "/home/ada/.local/state/carrel/journal.db");
}

TEST(paths, follow_the_xdg_variables_and_ignore_relative_ones) {
  const auto paths = WorkspacePaths::from({{"HOME", "/home/ada"},
                                           {"XDG_STATE_HOME", "/s"},
                                           {"XDG_DATA_HOME", "relative/data"},
                                           {"XDG_CACHE_HOME", ""}},
                                          1000);
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->state, "/s/carrel");
  EXPECT_EQ(paths->data, "/home/ada/.local/share/carrel");
  EXPECT_EQ(paths->cache, "/home/ada/.cache/carrel");
}

TEST(paths, need_an_absolute_home) {
  for (const auto& environment :
       {Environment{}, Environment{{"HOME", ""}}, Environment{{"HOME", "ada"}}}) {
    const auto paths = WorkspacePaths::from(environment, 1000);
    ASSERT_FALSE(paths);
    EXPECT_FALSE(paths.error().hint.empty());
  }
}

// sockaddr_un: 108 bytes with the zero at the end.
TEST(paths, leave_room_for_the_sockets_of_a_kernel) {
  const std::string socket = "/c0123456789ab-99";
  bool moved = false;
  for (std::size_t length = 1; length < 120; ++length) {
    const auto home = "/" + std::string(length, 'h');
    const auto paths = WorkspacePaths::from({{"HOME", home}}, 4294967295U);
    ASSERT_TRUE(paths);
    EXPECT_LE(paths->runtime_of(some_id()).string().size() + socket.size(), 107U) << length;
    const bool elsewhere = paths->run == "/tmp/carrel-4294967295";
    EXPECT_TRUE(elsewhere || paths->run == paths->state / "run");
    EXPECT_TRUE(elsewhere || !moved) << "once too long, always too long";
    moved = elsewhere;
  }
  EXPECT_TRUE(moved);
}

TEST(paths, are_apart_for_each_workspace) {
  const auto paths = WorkspacePaths::from({{"HOME", "/h"}}, 1).value();
  const auto other = WorkspaceId::make(WallTime(std::chrono::seconds(1'795'519'000)), "9876543210");
  EXPECT_EQ(paths.of(some_id()), paths.state / "workspaces" / some_id().text());
  EXPECT_NE(paths.runtime_of(some_id()), paths.runtime_of(other)) << "made in the same millisecond";
  EXPECT_NE(paths.lock_of(some_id()), paths.lock_of(other));
}

}  // namespace
}  // namespace carrel
