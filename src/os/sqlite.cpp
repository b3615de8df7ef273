#include "os/sqlite.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

namespace carrel {
namespace {

constexpr int patience_ms = 5000;

Error database_error(const std::string& path, int code, std::string why) {
  Error error{.what = "the database " + path + " cannot be used",
              .why = std::move(why),
              .hint = {},
              .trace = {}};
  switch (code & 0xFF) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      error.reason = Reason::corrupt;
      error.hint = "keep a copy, then move it away: a new one is made";
      break;
    case SQLITE_FULL:
      error.reason = Reason::no_space;
      error.hint = "free some space on this disk, then run the command again";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.reason = Reason::busy;
      error.hint = "another command is writing: try again in a moment";
      break;
    case SQLITE_CANTOPEN:
      error.hint = "does its folder exist, and may you write there?";
      break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      error.hint = "check who owns the file and its folder, and their permissions";
      break;
    case SQLITE_CONSTRAINT:
      error.what = "the database " + path + " refuses a record";
      error.reason = (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
                         ? Reason::exists
                         : Reason::other;
      break;
    default:
      break;
  }
  return error;
}

std::string path_of(sqlite3* handle) {
  const char* path = sqlite3_db_filename(handle, "main");
  return path != nullptr ? path : "(unknown)";
}

Error last_error(sqlite3* handle) {
  const int code = sqlite3_extended_errcode(handle);
  std::string why = sqlite3_errmsg(handle);
  // SQLite's own words leave out the system's: "disk I/O error"
  if (const int number = sqlite3_system_errno(handle);
      number != 0 && ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN)) {
    const Error system = system_error({}, number);
    why += ": " + system.why;
    if (system.reason == Reason::no_space) {
      Error error = database_error(path_of(handle), SQLITE_FULL, why);
      error.hint = system.hint;
      return error;
    }
  }
  return database_error(path_of(handle), code, std::move(why));
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Error misuse(sqlite3* handle, std::string why) {
  return database_error(path_of(handle), SQLITE_MISUSE, std::move(why));
}

int bind(sqlite3_stmt* statement, int place, const SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, place, *number);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    // the caller's values outlive the statement
    return sqlite3_bind_text64(statement, place, text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  return sqlite3_bind_null(statement, place);
}

Result<Statement> prepare(sqlite3* handle, std::string_view sql,
                          const std::vector<SqlValue>& values) {
  if (sql.size() > std::numeric_limits<int>::max()) return fail(misuse(handle, "too much SQL"));
  sqlite3_stmt* raw = nullptr;
  const char* rest = nullptr;
  const int code =
      sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &raw, &rest);
  Statement statement(raw);
  if (code != SQLITE_OK) return fail(last_error(handle));
  if (!statement) return fail(misuse(handle, "there is no statement to run"));
  // a second statement would silently not run
  if (!trimmed(sql.substr(static_cast<std::size_t>(rest - sql.data()))).empty()) {
    return fail(misuse(handle, "more than one statement"));
  }
  const int wanted = sqlite3_bind_parameter_count(raw);
  if (std::cmp_not_equal(wanted, values.size())) {
    return fail(misuse(handle, fmt::format("{} values for {} places", values.size(), wanted)));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (bind(raw, static_cast<int>(i) + 1, values[i]) != SQLITE_OK) {
      return fail(last_error(handle));
    }
  }
  return statement;
}

// WAL is written into the file once; afterwards only looked at. The change itself does not wait for
// other connections, so two commands that start at the same moment would see "locked".
Result<> use_wal(Database& database) {
  const Wait patience = Wait::at_most(Milliseconds(patience_ms));
  while (true) {
    std::string mode;
    const auto read_mode = [&mode](const Row& row) { mode = row.text(0); };
    TRY(database.each(read_mode, "pragma journal_mode"));
    if (mode == "wal") return {};
    const Result<> changed = database.each(read_mode, "pragma journal_mode = wal");
    if (changed) return {};  // a file system without shared memory keeps its mode, and works
    if (changed.error().reason != Reason::busy || SystemClock().now() >= *patience.deadline) {
      return changed;
    }
    TRY(pause_for(Milliseconds(10), patience));
  }
}

// Rolls back on every way out, unless committed.
class Rollback {
 public:
  explicit Rollback(sqlite3* handle) : handle_(handle) {}
  ~Rollback() {
    if (sqlite3_get_autocommit(handle_) == 0) {
      sqlite3_exec(handle_, "rollback", nullptr, nullptr, nullptr);
    }
  }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  Rollback(Rollback&&) = delete;
  Rollback& operator=(Rollback&&) = delete;

 private:
  sqlite3* handle_;
};

}  // namespace

std::int64_t Row::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Row::text(int column) const {
  // Not sqlite3_column_text, which copies every value to put a 0 behind it.
  const void* text = sqlite3_column_blob(statement_, column);
  if (text == nullptr) return {};
  return {static_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Row::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::filesystem::path& path) {
  // SQLite would make it with 0644. O_EXCL: to open and close a database that is in use would drop
  // SQLite's locks on it. Any failure here SQLite meets again, and says so.
  const Descriptor made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
      nullptr);
  if (handle == nullptr) return fail(database_error(path.string(), code, sqlite3_errstr(code)));
  Database database(handle);
  if (code != SQLITE_OK) {
    Error error = last_error(handle);
    error.what = "the database " + path.string() + " cannot be opened";
    return fail(std::move(error));
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, patience_ms);
  // The index of the log stays between commands (empty, 32 KiB): a disk that has filled up would
  // have no room for a new one, and the database could not even be read.
  int stay = 1;
  sqlite3_file_control(handle, nullptr, SQLITE_FCNTL_PERSIST_WAL, &stay);
  TRY(
      database.script("pragma foreign_keys = on; pragma synchronous = normal; pragma "
                      "journal_size_limit = 0"));
  TRY(use_wal(database));
  return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

Result<> Database::run(std::string_view sql, const std::vector<SqlValue>& values) {
  return each([](const Row&) {}, sql, values);
}

Result<> Database::each(const std::function<void(const Row&)>& row, std::string_view sql,
                        const std::vector<SqlValue>& values) {
  const Statement statement = TRY(prepare(handle_, sql, values));
  while (true) {
    const int code = sqlite3_step(statement.get());
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return fail(last_error(handle_));
    row(Row(statement.get()));
  }
}

Result<std::optional<std::int64_t>> Database::integer(std::string_view sql,
                                                      const std::vector<SqlValue>& values) {
  std::optional<std::int64_t> first;
  bool seen = false;
  const auto take_first = [&](const Row& row) {
    if (!seen && !row.is_null(0)) first = row.integer(0);
    seen = true;
  };
  TRY(each(take_first, sql, values));
  return first;
}

Result<> Database::script(std::string_view sql) {
  if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(last_error(handle_));
  }
  return {};
}

Result<> Database::transaction(const std::function<Result<>()>& body) {
  TRY(script("begin immediate"));
  const Rollback rollback(handle_);
  TRY(body());
  return script("commit");
}

}  // namespace carrel
