// The journal's tables, and how an older journal becomes one of today. docs/development/journal.md
// has their columns.
#pragma once

#include "base/error.hpp"
#include "os/sqlite.hpp"

#include <filesystem>

namespace carrel {

// Brings the database to the newest schema, in one transaction. `file` is for errors: a journal of
// a newer Carrel and one that is damaged are refused (Reason::corrupt) and left as they are.
Result<> migrate_journal(Database& database, const std::filesystem::path& file);

}  // namespace carrel
