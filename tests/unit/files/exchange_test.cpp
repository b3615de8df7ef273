#include "files/exchange.hpp"

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "files/changes.hpp"
#include "files/transfer.hpp"
#include "os/file.hpp"
#include "unit/files/two_sides.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<std::string>;

class ExchangeTest : public TwoSides {
 protected:
  Exchange open(const std::string& machine = "i-1") {
    auto exchange = Exchange::open(
        ends(), {.file = record(), .machine = machine, .scratch = root() / "state" / "ignore"},
        notes(), patience());
    if (!exchange) {
      ADD_FAILURE() << exchange.error().what << ": " << exchange.error().why;
      std::abort();
    }
    return std::move(*exchange);
  }
  ExchangeReport push(Force force = Force::no) {
    return told(open().push(force, notes(), patience()));
  }
  ExchangeReport pull() { return told(open().pull(notes(), patience())); }
  Ends ends() {
    return {.here = channel(),
            .here_folder = here(),
            .there = channel(),
            .there_folder = there(),
            .once = "abc"};
  }

 private:
  static ExchangeReport told(const Result<ExchangeReport>& report) {
    if (report) return *report;
    ADD_FAILURE() << report.error().what << ": " << report.error().why;
    return {};
  }
};

TEST_F(ExchangeTest, sends_a_folder_once_and_then_only_what_has_changed) {
  write(here() / "a.txt", "a");
  write(here() / "d/b.txt", "b");
  EXPECT_EQ(push().files, 2U);
  EXPECT_EQ(text(there() / "d/b.txt"), "b");
  EXPECT_EQ(push().files, 0U);
  write(here() / "d/b.txt", "new");
  EXPECT_EQ(push().files, 1U);
  EXPECT_EQ(text(there() / "d/b.txt"), "new");
  EXPECT_EQ(pull().files, 0U);
}

TEST_F(ExchangeTest, sends_any_name_empty_folders_links_and_read_only_files) {
  const Paths names = {"-n",          "--help",       "a b",       "it's", "new\nline",
                       "back\\slash", "back\\nslash", "\"q\"",     "*",    "$HOME",
                       "\xff\xfe",    "ünï",          "tab\there", " "};
  for (const auto& name : names) write(here() / name, name);
  for (const auto& name : names) write(here() / "sub dir" / name / "x", name);
  fs::create_directories(here() / "empty/inner");
  fs::create_symlink("a b", here() / "link");
  fs::create_symlink("/etc/passwd", here() / "outside");
  fs::create_symlink("nowhere", here() / "dangling");
  fs::create_directory_symlink("/etc", here() / "folder-link");
  write(here() / "read-only", "r");
  fs::permissions(here() / "read-only", fs::perms(0444));
  write(here() / "run.sh", "#!");
  fs::permissions(here() / "run.sh", fs::perms(0755));
  push();
  for (const auto& name : names) {
    EXPECT_EQ(text(there() / name), name);
    EXPECT_EQ(text(there() / "sub dir" / name / "x"), name);
  }
  EXPECT_TRUE(fs::is_directory(there() / "empty/inner"));
  EXPECT_EQ(fs::read_symlink(there() / "link"), "a b");
  EXPECT_EQ(fs::read_symlink(there() / "outside"), "/etc/passwd");
  EXPECT_EQ(fs::read_symlink(there() / "dangling"), "nowhere");
  EXPECT_EQ(fs::read_symlink(there() / "folder-link"), "/etc");
  EXPECT_EQ(fs::status(there() / "read-only").permissions(), fs::perms(0444));
  EXPECT_EQ(fs::status(there() / "run.sh").permissions(), fs::perms(0755));
  EXPECT_EQ(push().files, 0U);
  EXPECT_EQ(pull().files, 0U);
  fs::permissions(here() / "read-only", fs::perms(0644));
  write(here() / "read-only", "again");
  EXPECT_EQ(push().files, 1U);
  EXPECT_EQ(text(there() / "read-only"), "again") << "over a file that is read-only there";
  EXPECT_FALSE(fs::exists(there() / ".carrel-incoming-abc"));
}

TEST_F(ExchangeTest, a_pipe_is_neither_sent_nor_waited_for) {
  write(here() / "a", "a");
  sh("mkfifo \"here/it's/pipe\"");
  EXPECT_EQ(push().files, 1U);
  EXPECT_FALSE(fs::exists(there() / "pipe"));
}

TEST_F(ExchangeTest, push_never_overwrites_what_the_machine_has_changed_unless_forced) {
  write(here() / "a", "base");
  write(here() / "b", "base");
  push();
  write(here() / "a", "mine");
  write(here() / "b", "mine");
  write(there() / "a", "theirs");
  const auto report = push();
  EXPECT_EQ(report.refused, Paths{"a"});
  EXPECT_EQ(text(there() / "a"), "theirs");
  EXPECT_EQ(text(there() / "b"), "mine");
  EXPECT_EQ(push().refused, Paths{"a"}) << "as long as it is so";
  EXPECT_EQ(push(Force::yes).files, 1U);
  EXPECT_EQ(text(there() / "a"), "mine");
  EXPECT_EQ(push().files, 0U);
}

TEST_F(ExchangeTest, pull_brings_what_is_new_and_changed_there) {
  write(here() / "a", "base");
  push();
  write(there() / "a", "theirs");
  write(there() / "out/result.csv", "1");
  fs::create_symlink("a", there() / "out/link");
  EXPECT_EQ(pull().files, 3U);
  EXPECT_EQ(text(here() / "a"), "theirs");
  EXPECT_EQ(text(here() / "out/result.csv"), "1");
  EXPECT_EQ(fs::read_symlink(here() / "out/link"), "a");
  EXPECT_EQ(pull().files, 0U);
  EXPECT_EQ(push().files, 0U);
  EXPECT_FALSE(fs::exists(here() / ".carrel-incoming-abc"));
}

TEST_F(ExchangeTest, pull_keeps_both_versions_and_the_next_push_sends_ones_own) {
  write(here() / "plot.py", "base");
  push();
  write(here() / "plot.py", "mine");
  write(there() / "plot.py", "theirs");
  const auto report = pull();
  ASSERT_EQ(report.beside.size(), 1U);
  EXPECT_EQ(report.beside.front(),
            std::pair(std::string("plot.py"), std::string("plot.from-machine.py")));
  EXPECT_EQ(text(here() / "plot.py"), "mine");
  EXPECT_EQ(text(here() / "plot.from-machine.py"), "theirs");
  EXPECT_TRUE(pull().beside.empty()) << "the machine's version has come home";
  const auto pushed = push();
  EXPECT_EQ(pushed.files, 1U);
  EXPECT_TRUE(pushed.refused.empty());
  EXPECT_EQ(text(there() / "plot.py"), "mine");
  EXPECT_FALSE(fs::exists(there() / "plot.from-machine.py"));
}

TEST_F(ExchangeTest, what_both_sides_have_changed_to_the_same_is_no_conflict) {
  write(here() / "a", "base");
  push();
  write(here() / "a", "same");
  write(there() / "a", "same");
  EXPECT_TRUE(pull().beside.empty());
  EXPECT_TRUE(push().refused.empty());
}

TEST_F(ExchangeTest, a_file_that_was_only_touched_is_not_changed) {
  write(here() / "a", "base");
  push();
  write(here() / "a", "base");
  write(there() / "a", "theirs");
  const auto report = pull();
  EXPECT_TRUE(report.beside.empty());
  EXPECT_EQ(text(here() / "a"), "theirs");
}

TEST_F(ExchangeTest, pull_never_writes_through_a_link_of_this_computer) {
  write(here() / "d/a", "base");
  push();
  fs::create_directory(here().parent_path() / "elsewhere");
  fs::remove_all(here() / "d");
  fs::create_directory_symlink("../elsewhere", here() / "d");
  write(there() / "d/a", "theirs");
  write(there() / "d/new", "theirs");
  pull();
  EXPECT_TRUE(fs::is_empty(here().parent_path() / "elsewhere"));
  EXPECT_EQ(text(here() / "d.from-machine/a"), "theirs");
  EXPECT_EQ(text(here() / "d.from-machine/new"), "theirs");
}

TEST_F(ExchangeTest, nothing_of_git_is_brought_from_a_machine) {
  push();
  write(there() / ".git/hooks/post-checkout", "bad");
  write(there() / "sub/.GIT/config", "bad");
  write(there() / "good", "good");
  EXPECT_EQ(pull().files, 1U);
  EXPECT_FALSE(fs::exists(here() / ".git"));
  EXPECT_FALSE(fs::exists(here() / "sub/.GIT"));
}

TEST_F(ExchangeTest, neither_side_deletes_and_both_are_told) {
  write(here() / "a", "a");
  write(here() / "b", "b");
  push();
  fs::remove(here() / "a");
  fs::remove(there() / "b");
  for (const auto& report : {push(), pull()}) {
    EXPECT_EQ(report.files, 0U);
    EXPECT_EQ(report.deleted_here, Paths{"a"});
    EXPECT_EQ(report.deleted_there, Paths{"b"});
  }
  EXPECT_TRUE(fs::exists(here() / "b") && fs::exists(there() / "a"));
}

TEST_F(ExchangeTest, gits_rules_hold_in_a_repository_for_both_sides) {
  sh("git init -q \"here/it's\"");
  write(here() / ".gitignore", "data/\n*.log\n");
  write(here() / "data/big", "x");
  write(here() / "a.log", "x");
  write(here() / "kept.log", "tracked");
  sh("git -C \"here/it's\" add -f kept.log");
  write(here() / "a.txt", "a");
  push();
  EXPECT_FALSE(fs::exists(there() / "data") || fs::exists(there() / "a.log") ||
               fs::exists(there() / ".git"));
  EXPECT_EQ(text(there() / "kept.log"), "tracked");
  write(there() / "data/model", "x");
  write(there() / "run.log", "x");
  write(there() / "out.txt", "x");
  write(there() / "kept.log", "theirs");
  const auto exchange = open();
  EXPECT_EQ(exchange.unsaved(patience())->changed, (Paths{"kept.log", "out.txt"}));
  EXPECT_EQ(exchange.unsaved(patience())->left_out, (Paths{"data/model", "run.log"}));
  const auto report = pull();
  EXPECT_EQ(report.files, 2U);
  EXPECT_EQ(report.left_out, 2U);
  EXPECT_FALSE(fs::exists(here() / "run.log"));
}

TEST_F(ExchangeTest, carrelignore_holds_with_and_without_a_repository) {
  for (const bool in_repository : {false, true}) {
    if (in_repository) sh("git init -q \"here/it's\"");
    write(here() / ".carrelignore", "data/\n/only\n*.bin\n");
    write(here() / "data/big", "x");
    write(here() / "only", "x");
    write(here() / "sub/only", "x");
    write(here() / "sub/w.bin", "x");
    push();
    EXPECT_FALSE(fs::exists(there() / "data") || fs::exists(there() / "only") ||
                 fs::exists(there() / "sub/w.bin"));
    EXPECT_TRUE(fs::exists(there() / "sub/only"));
    write(there() / "new.bin", "x");
    EXPECT_EQ(pull().left_out, 1U);
    fs::remove(there() / "new.bin");
  }
}

TEST_F(ExchangeTest, a_damaged_record_is_said_and_taken_for_none) {
  write(here() / "a", "a");
  write(here() / "b", "b");
  push();
  ASSERT_TRUE(write_file(record(), read_file(record())->substr(0, 40), 0600));
  write(there() / "b", "theirs");
  const auto report = push();
  EXPECT_NE(notes().all.find("damaged"), std::string::npos);
  EXPECT_EQ(report.refused, Paths{"b"}) << "one cannot know who has changed it";
  EXPECT_EQ(report.files, 0U) << "what is alike is found by its digest";
}

TEST_F(ExchangeTest, a_record_of_another_machine_is_none) {
  write(here() / "a", "a");
  push();
  fs::remove_all(there());
  EXPECT_EQ(open("i-2").push(Force::no, *std::make_unique<Notes>(), patience())->files, 1U);
}

TEST_F(ExchangeTest, what_was_cut_goes_on_with_what_is_missing) {
  for (int i = 0; i < 2500; ++i) write(here() / ("f" + std::to_string(i)), "x");
  auto cut = open();
  Interrupt interrupt;
  Wait wait = patience();
  wait.interrupt = &interrupt;
  class Cutting final : public Progress {
   public:
    explicit Cutting(Interrupt& interrupt) : interrupt_(interrupt) {}
    void begin(std::string_view, std::string_view,
               std::optional<std::chrono::milliseconds>) override {}
    void detail(std::string_view text) override {
      if (text.contains(", 2000 of")) interrupt_.raise();
    }
    void end(std::string_view) override {}
    void note(std::string_view) override {}

   private:
    Interrupt& interrupt_;
  } cutting(interrupt);
  ASSERT_FALSE(cut.push(Force::no, cutting, wait));
  EXPECT_EQ(push().files, 500U);
  EXPECT_EQ(push().files, 0U);
}

TEST_F(ExchangeTest, a_file_that_cannot_be_placed_is_an_error_in_the_machines_words) {
  write(here() / "a", "a");
  write(there().parent_path() / "home x", "a file in place of the folder");
  auto exchange = Exchange::open(ends(), {.file = record(), .machine = "i-1", .scratch = {}},
                                 *std::make_unique<Notes>(), patience());
  ASSERT_TRUE(exchange);
  const auto pushed = exchange->push(Force::no, *std::make_unique<Notes>(), patience());
  ASSERT_FALSE(pushed);
  EXPECT_NE(pushed.error().why.find("exists"), std::string::npos) << pushed.error().why;
}

}  // namespace
}  // namespace carrel
