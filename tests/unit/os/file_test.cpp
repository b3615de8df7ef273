#include "os/file.hpp"

#include "base/error.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

std::ptrdiff_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

class Files : public testing::Test {
 protected:
  const fs::path& root() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

TEST_F(Files, what_is_written_is_read) {
  const std::string bytes("a\0b\n\xff", 5);
  ASSERT_TRUE(write_file(root() / "f", bytes, 0600));
  EXPECT_EQ(read_file(root() / "f"), bytes);
  ASSERT_TRUE(write_file(root() / "f", std::string(300'000, 'x'), 0600));
  EXPECT_EQ(read_file(root() / "f")->size(), 300'000U);
}

TEST_F(Files, the_mode_is_exact_whatever_the_umask) {
  const mode_t before = ::umask(0077);
  ASSERT_TRUE(write_file(root() / "open", "", 0644));
  ::umask(0);
  ASSERT_TRUE(write_file(root() / "private", "", 0600));
  ASSERT_TRUE(write_file(root() / "open", "", 0600));
  ::umask(before);
  EXPECT_EQ(mode_of(root() / "private"), 0600U);
  EXPECT_EQ(mode_of(root() / "open"), 0600U);
}

TEST_F(Files, a_failed_write_leaves_the_old_file_and_no_temporary) {
  ASSERT_TRUE(make_folder(root() / "is-a-folder" / "inner"));
  const auto written = write_file(root() / "is-a-folder", "x", 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().what, "cannot write " + (root() / "is-a-folder").string());
  EXPECT_EQ(entries(root()), 1);
  EXPECT_EQ(entries(root() / "is-a-folder"), 1);
}

TEST_F(Files, a_name_as_long_as_names_can_be_is_written) {
  EXPECT_TRUE(write_file(root() / std::string(255, 'n'), "x", 0600));
}

TEST_F(Files, what_is_missing_is_not_found) {
  EXPECT_EQ(read_file(root() / "no").error().reason, Reason::not_found);
  EXPECT_EQ(write_file(root() / "no" / "f", "", 0600).error().reason, Reason::not_found);
}

TEST_F(Files, a_folder_read_as_a_file_says_so) {
  EXPECT_EQ(read_file(root()).error().why, "Is a directory");
}

TEST(system_error, knows_full_disks_and_quotas) {
  EXPECT_EQ(system_error("x", ENOSPC).reason, Reason::no_space);
  // NOLINTNEXTLINE(misc-include-cleaner): a macro of <errno.h>
  EXPECT_EQ(system_error("x", EDQUOT).reason, Reason::no_space);
  EXPECT_EQ(system_error("x", ENOSPC).why, "No space left on device");
}

TEST_F(Files, a_private_folder_is_made_with_its_parents) {
  const mode_t before = ::umask(0777 & ~0700);
  EXPECT_TRUE(make_private_folder(root() / "a" / "b"));
  EXPECT_TRUE(make_private_folder(root() / "a" / "b"));
  EXPECT_TRUE(make_private_folder(root() / "a" / "c" / ""));
  ::umask(before);
  EXPECT_EQ(mode_of(root() / "a" / "b"), 0700U);
  EXPECT_EQ(mode_of(root() / "a" / "c"), 0700U);
}

TEST_F(Files, a_private_folder_is_no_link_no_file_and_not_open_to_others) {
  ASSERT_TRUE(make_private_folder(root() / "real"));
  fs::create_directory_symlink(root() / "real", root() / "link");
  ASSERT_TRUE(write_file(root() / "file", "", 0600));
  ASSERT_TRUE(make_folder(root() / "open"));
  fs::permissions(root() / "open", fs::perms(0750));
  for (const char* name : {"link", "link/", "file", "open"}) {
    const auto made = make_private_folder(root() / name);
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().reason, Reason::unverified) << name;
  }
  EXPECT_EQ(mode_of(root() / "open"), 0750U);
}

TEST_F(Files, a_tree_goes_with_what_is_read_only_in_it) {
  ASSERT_TRUE(make_folder(root() / "t" / "locked" / "deep"));
  ASSERT_TRUE(write_file(root() / "t" / "locked" / "deep" / "f", "", 0400));
  fs::permissions(root() / "t" / "locked" / "deep", fs::perms(0500));
  fs::permissions(root() / "t" / "locked", fs::perms(0000));
  ASSERT_TRUE(remove_tree(root() / "t"));
  EXPECT_FALSE(fs::exists(root() / "t"));
}

TEST_F(Files, removing_a_tree_follows_no_link) {
  ASSERT_TRUE(make_folder(root() / "outside"));
  ASSERT_TRUE(write_file(root() / "outside" / "kept", "", 0600));
  ASSERT_TRUE(make_folder(root() / "t"));
  fs::create_directory_symlink(root() / "outside", root() / "t" / "link");
  fs::create_directory_symlink(root() / "outside", root() / "link");
  EXPECT_TRUE(remove_tree(root() / "t"));
  EXPECT_TRUE(remove_tree(root() / "link" / ""));
  EXPECT_FALSE(fs::is_symlink(root() / "link"));
  EXPECT_TRUE(fs::exists(root() / "outside" / "kept"));
}

TEST_F(Files, removing_what_does_not_exist_is_done_and_a_file_goes_too) {
  EXPECT_TRUE(remove_tree(root() / "no" / "such"));
  ASSERT_TRUE(write_file(root() / "f", "", 0600));
  EXPECT_TRUE(remove_tree(root() / "f"));
  EXPECT_EQ(entries(root()), 0);
}

TEST(remove_tree, never_removes_everything) {
  EXPECT_FALSE(remove_tree("/"));
  EXPECT_FALSE(remove_tree(""));
}

TEST_F(Files, a_size_counts_each_inode_once) {
  ASSERT_TRUE(make_folder(root() / "t" / "u"));
  ASSERT_TRUE(write_file(root() / "t" / "a", std::string(1000, 'a'), 0600));
  ASSERT_TRUE(write_file(root() / "t" / "u" / "b", std::string(20, 'b'), 0600));
  fs::create_hard_link(root() / "t" / "a", root() / "t" / "u" / "again");
  EXPECT_EQ(tree_size(root() / "t"), 1020U);
  EXPECT_EQ(tree_size(root() / "t" / "a"), 1000U);
  EXPECT_EQ(tree_size(root() / "no"), 0U);
}

TEST_F(Files, free_space_of_what_will_exist_is_that_of_its_disk) {
  EXPECT_GT(free_space(root()), 0U);
  EXPECT_GT(free_space(root() / "not" / "yet"), 0U);
}

TEST_F(Files, a_lock_keeps_others_out_until_it_goes) {
  const fs::path path = root() / "lock";
  EXPECT_FALSE(FileLock::is_held(path));
  {
    const auto lock = FileLock::acquire(path, {});
    ASSERT_TRUE(lock);
    EXPECT_TRUE(FileLock::is_held(path));
    const auto second = FileLock::acquire(path, Wait::at_most(Milliseconds(0)));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().reason, Reason::busy);
  }
  EXPECT_FALSE(FileLock::is_held(path));
  EXPECT_TRUE(FileLock::acquire(path, Wait::at_most(Milliseconds(0))));
}

TEST_F(Files, who_waits_for_a_lock_gets_it_when_it_is_free) {
  auto first = FileLock::acquire(root() / "lock", {});
  ASSERT_TRUE(first);
  Result<FileLock> second = fail({});
  std::thread waiter([&] { second = FileLock::acquire(root() / "lock", {}); });
  {
    const FileLock released = std::move(*first);
  }
  waiter.join();
  EXPECT_TRUE(second);
  EXPECT_TRUE(FileLock::is_held(root() / "lock"));
}

TEST_F(Files, waiting_for_a_lock_can_be_interrupted) {
  const auto first = FileLock::acquire(root() / "lock", {});
  ASSERT_TRUE(first);
  Interrupt interrupt;
  interrupt.raise();
  const auto second = FileLock::acquire(root() / "lock", {.deadline = {}, .interrupt = &interrupt});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, Reason::interrupted);
}

TEST_F(Files, a_lock_file_that_was_replaced_is_locked_anew) {
  const auto old = FileLock::acquire(root() / "lock", {});
  fs::remove(root() / "lock");
  EXPECT_TRUE(FileLock::acquire(root() / "lock", Wait::at_most(Milliseconds(0))));
}

}  // namespace
}  // namespace carrel
