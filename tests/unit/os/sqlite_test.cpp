#include "os/sqlite.hpp"

#include "base/error.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/file.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

class Databases : public testing::Test {
 protected:
  fs::path path() const { return folder_.path() / "state.db"; }
  const fs::path& folder() const { return folder_.path(); }
  Database opened() const {
    auto database = Database::open(path());
    if (!database) ADD_FAILURE() << database.error().what << ": " << database.error().why;
    return std::move(*database);
  }

 private:
  TemporaryFolder folder_;
};

std::string text_of(Database& database, const std::string& sql) {
  std::string text = "no row";
  EXPECT_TRUE(database.each([&text](const Row& row) { text = row.text(0); }, sql));
  return text;
}

TEST_F(Databases, values_go_in_and_come_out_as_they_were) {
  Database db = opened();
  ASSERT_TRUE(db.script("create table t(a, b, c); create table u(a)"));
  const std::string odd("it's \0 'quoted'", 15);
  ASSERT_TRUE(db.run("insert into t values (?, ?, ?)", {odd, INT64_MIN, nullptr}));
  int rows = 0;
  ASSERT_TRUE(db.each(
      [&](const Row& row) {
        ++rows;
        EXPECT_EQ(row.text(0), odd);
        EXPECT_EQ(row.integer(1), INT64_MIN);
        EXPECT_TRUE(row.is_null(2));
        EXPECT_EQ(row.text(2), "");
      },
      "select a, b, c from t"));
  EXPECT_EQ(rows, 1);
}

TEST_F(Databases, an_integer_is_the_first_of_the_first_row) {
  Database db = opened();
  EXPECT_EQ(*db.integer("select 3 union all select 4"), 3);
  EXPECT_EQ(*db.integer("select null"), std::nullopt);
  EXPECT_EQ(*db.integer("select 1 where 0"), std::nullopt);
  ASSERT_TRUE(db.script("create table t(a)"));
  EXPECT_EQ(*db.integer("insert into t values (5) returning a"), 5);
  EXPECT_EQ(*db.integer("select count(*) from t"), 1);
}

TEST_F(Databases, is_private_durable_and_strict_about_keys) {
  Database db = opened();
  ASSERT_TRUE(db.script("create table t(a)"));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((path().string() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
  }
  EXPECT_EQ(text_of(db, "pragma journal_mode"), "wal");
  EXPECT_EQ(text_of(db, "pragma synchronous"), "1");
  EXPECT_EQ(text_of(db, "pragma foreign_keys"), "1");
  EXPECT_EQ(text_of(db, "pragma busy_timeout"), "5000");
}

TEST_F(Databases, opening_one_that_exists_writes_nothing) {
  {
    ASSERT_TRUE(opened().script("create table t(a)"));
  }
  const std::string before = *read_file(path());
  const auto changed = fs::last_write_time(path());
  Database db = opened();
  EXPECT_EQ(fs::last_write_time(path()), changed);
  EXPECT_EQ(*read_file(path()), before);
  EXPECT_EQ(fs::file_size(path().string() + "-wal"), 0U);
}

TEST_F(Databases, a_file_that_is_no_database_is_corrupt) {
  ASSERT_TRUE(write_file(path(), std::string(5000, 'x'), 0600));
  const auto database = Database::open(path());
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().reason, Reason::corrupt);
  EXPECT_EQ(database.error().why, "file is not a database");
  EXPECT_TRUE(database.error().what.contains(path().string()));
}

TEST_F(Databases, a_damaged_page_is_corrupt) {
  {
    Database db = opened();
    ASSERT_TRUE(db.script("create table t(a)"));
    ASSERT_TRUE(db.transaction([&db]() -> Result<> {
      for (int i = 0; i < 500; ++i) TRY(db.run("insert into t values (?)", {std::string(50, 'a')}));
      return {};
    }));
  }
  std::string bytes = *read_file(path());
  for (std::size_t i = 4096; i < bytes.size(); ++i) bytes[i] = '\x7f';
  ASSERT_TRUE(write_file(path(), bytes, 0600));
  Database db = opened();
  const auto sum = db.integer("select count(a || a) from t");
  ASSERT_FALSE(sum);
  EXPECT_EQ(sum.error().reason, Reason::corrupt);
}

TEST_F(Databases, a_place_where_it_cannot_be_says_why) {
  const auto missing = Database::open(folder() / "no" / "state.db");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().why.contains("unable to open database file"));
  EXPECT_FALSE(missing.error().hint.empty());
  EXPECT_FALSE(Database::open(folder()));
}

TEST_F(Databases, a_full_database_is_no_space) {
  Database db = opened();
  ASSERT_TRUE(db.script("create table t(a); pragma max_page_count = 3"));
  const auto inserted = db.run("insert into t values (?)", {std::string(100'000, 'x')});
  ASSERT_FALSE(inserted);
  EXPECT_EQ(inserted.error().reason, Reason::no_space);
}

TEST_F(Databases, sqlites_own_words_are_passed_on) {
  Database db = opened();
  EXPECT_EQ(db.run("select * from nowhere").error().why, "no such table: nowhere");
  ASSERT_TRUE(db.script("create table t(a unique, b not null default 0)"));
  ASSERT_TRUE(db.run("insert into t(a) values (1)"));
  const auto twice = db.run("insert into t(a) values (1)");
  EXPECT_EQ(twice.error().why, "UNIQUE constraint failed: t.a");
  EXPECT_EQ(twice.error().reason, Reason::exists);
  EXPECT_EQ(db.run("insert into t values (2, null)").error().reason, Reason::other);
  EXPECT_FALSE(db.script("select 1; nonsense"));
}

TEST_F(Databases, a_call_that_would_do_something_else_than_written_is_refused) {
  Database db = opened();
  ASSERT_TRUE(db.script("create table t(a)"));
  EXPECT_EQ(db.run("insert into t values (?)").error().why, "0 values for 1 places");
  EXPECT_FALSE(db.run("insert into t values (?)", {1, 2}));
  EXPECT_FALSE(db.run("insert into t values (1); insert into t values (2)"));
  EXPECT_FALSE(db.run(" "));
  EXPECT_TRUE(db.run("insert into t values (1);\n"));
  EXPECT_EQ(*db.integer("select count(*) from t"), 1);
}

TEST_F(Databases, a_transaction_is_whole_or_not_at_all) {
  Database db = opened();
  ASSERT_TRUE(db.script("create table t(a)"));
  const auto insert_then = [&db](Result<> end) {
    return db.transaction([&]() -> Result<> {
      TRY(db.run("insert into t values (1)"));
      return end;
    });
  };
  const auto failed = insert_then(fail({.what = "no", .why = {}, .hint = {}, .trace = {}}));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().what, "no");
  EXPECT_EQ(*db.integer("select count(*) from t"), 0);
  EXPECT_TRUE(insert_then({}));
  EXPECT_EQ(*db.integer("select count(*) from t"), 1);
}

TEST_F(Databases, a_commit_that_fails_is_rolled_back) {
  Database db = opened();
  ASSERT_TRUE(
      db.script("create table p(a primary key);"
                "create table c(a references p(a) deferrable initially deferred)"));
  EXPECT_FALSE(db.transaction([&db] { return db.run("insert into c values (1)"); }));
  EXPECT_EQ(*db.integer("select count(*) from c"), 0);
  EXPECT_TRUE(db.transaction([] { return Result<>{}; }));
}

TEST_F(Databases, another_writer_is_busy) {
  Database first = opened();
  Database second = opened();
  ASSERT_TRUE(second.script("pragma busy_timeout = 1"));
  ASSERT_TRUE(first.script("begin immediate"));
  const auto refused = second.transaction([] { return Result<>{}; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::busy);
  ASSERT_TRUE(first.script("commit"));
  EXPECT_TRUE(second.transaction([] { return Result<>{}; }));
}

TEST_F(Databases, many_commands_may_make_it_at_the_same_moment) {
  for (int round = 0; round < 10; ++round) {
    const fs::path path = folder() / ("race-" + std::to_string(round));
    std::vector<std::thread> threads;
    std::vector<std::string> errors(8);
    threads.reserve(errors.size());
    for (std::string& error : errors) {
      threads.emplace_back([&error, &path] {
        auto db = Database::open(path);
        if (!db) {
          error = db.error().why;
          return;
        }
        const auto made = db->transaction([&db] {
          return db->script("create table if not exists t(a); insert into t values (1)");
        });
        if (!made) error = made.error().why;
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& error : errors) EXPECT_EQ(error, "");
    EXPECT_EQ(*Database::open(path)->integer("select count(*) from t"), 8);
  }
}

}  // namespace
}  // namespace carrel
