#include "workspace/journal_schema.hpp"

#include "base/error.hpp"
#include "os/sqlite.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// Each migration takes the schema from its index to the next number; never edit one that was
// released.
const std::vector<std::string_view>& migrations() {
  static const std::vector<std::string_view> steps = {R"(
    create table workspace(
      id text primary key,
      name text not null unique,
      folder text not null unique,
      wanted text not null check (wanted in ('running', 'stopped', 'removed')),
      flags text not null default '',
      notebook text not null default '',
      environment_key text not null default '',
      environment text not null default '',
      proof text not null default '',
      created_ms integer not null
    ) strict;
    create table machine(
      workspace text not null references workspace(id) on delete cascade,
      sequence integer not null,
      token text not null unique,
      provider text not null,
      place text not null default '',
      ref text not null default '',
      primary key (workspace, sequence)
    ) strict;
    create table server(
      workspace text primary key references workspace(id) on delete cascade,
      instance text not null,
      pid integer,
      start_ticks integer,
      boot_id text not null default '',
      port integer not null,
      port_asked_for integer not null,
      public_reach integer not null,
      runtime_folder text not null,
      started_ms integer,
      ready_ms integer,
      stopped_ms integer
    ) strict;
    create table timing(
      phase text not null,
      milliseconds integer not null
    ) strict;
    create index timing_by_phase on timing(phase);
  )",
                                                      R"(
    alter table machine add column asked text not null default '';
    -- all that a listing reads: it does not go through the environments of a thousand workspaces
    create index workspace_listing on
      workspace(name, id, folder, wanted, notebook, environment_key, created_ms);
  )",
                                                      R"(
    alter table machine add column extended_ms integer;
    alter table machine add column ends_ms integer;
  )"};
  return steps;
}

Result<std::int64_t> version_of(Database& database, const std::filesystem::path& file) {
  const auto newest = static_cast<std::int64_t>(migrations().size());
  const auto version = TRY(database.integer("pragma user_version")).value_or(0);
  if (version >= 0 && version <= newest) return version;
  return fail(
      {.what = fmt::format("{} was written by a newer Carrel (schema {}, this one knows {})",
                           file.string(), version, newest),
       .why = {},
       .hint = "install the newer Carrel again; nothing was changed",
       .reason = Reason::corrupt,
       .trace = {}});
}

}  // namespace

Result<> migrate_journal(Database& database, const std::filesystem::path& file) {
  const auto newest = static_cast<std::int64_t>(migrations().size());
  if (TRY(version_of(database, file)) == newest) return {};
  return database.transaction([&]() -> Result<> {
    const auto version = TRY(version_of(database, file));  // another may have been quicker
    for (auto step = version; step < newest; ++step) {
      TRY(database.script(migrations()[static_cast<std::size_t>(step)]));
      TRY(database.script(fmt::format("pragma user_version = {}", step + 1)));
    }
    return {};
  });
}

}  // namespace carrel
