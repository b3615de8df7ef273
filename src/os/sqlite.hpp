// A thin owner of one SQLite connection (WAL, foreign keys on, five seconds of patience for other
// writers). One thread. Errors carry SQLite's own words; a unique key that is already there is
// Reason::exists, another writer Reason::busy. One statement a call, with as many values as places
// (`script` excepted).
//
//   TRY(db.run("insert into workspaces(id, name) values (?, ?)", {id, name}));
//   TRY(db.each([&](const Row& row) { names.push_back(row.text(0)); }, "select name from
//   workspaces"));
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace carrel {

using SqlValue = std::variant<std::nullptr_t, std::int64_t, std::string>;

class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  std::int64_t integer(int column) const;
  std::string text(int column) const;  // null reads as ""
  bool is_null(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Database {
 public:
  // Creates the file (0600) if missing. A file that is no database: Reason::corrupt. Disk full:
  // no_space.
  static Result<Database> open(const std::filesystem::path& path);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  Result<> run(std::string_view sql, const std::vector<SqlValue>& values = {});
  Result<> each(const std::function<void(const Row&)>& row, std::string_view sql,
                const std::vector<SqlValue>& values = {});
  Result<std::optional<std::int64_t>> integer(std::string_view sql,
                                              const std::vector<SqlValue>& values = {});
  Result<> script(std::string_view sql);  // several statements
  // One write transaction (BEGIN IMMEDIATE); rolled back when `body` fails.
  Result<> transaction(const std::function<Result<>()>& body);

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_ = nullptr;
};

}  // namespace carrel
