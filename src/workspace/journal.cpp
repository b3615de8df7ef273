#include "workspace/journal.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/sqlite.hpp"
#include "workspace/journal_schema.hpp"
#include "workspace/provider.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view workspace_columns =
    "id, name, folder, wanted, flags, notebook, environment_key, environment, proof, created_ms";
constexpr std::string_view machine_columns =
    "workspace, sequence, token, provider, place, ref, asked, extended_ms, ends_ms";
constexpr std::string_view server_columns =
    "workspace, instance, pid, start_ticks, boot_id, port, port_asked_for, public_reach, "
    "runtime_folder, started_ms, "
    "ready_ms, stopped_ms";
constexpr int timings_kept = 5;

std::int64_t to_ms(WallTime time) {
  return std::chrono::duration_cast<Milliseconds>(time.time_since_epoch()).count();
}
WallTime from_ms(std::int64_t milliseconds) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(Milliseconds(milliseconds)));
}
SqlValue optional_ms(const std::optional<WallTime>& time) {
  return time ? SqlValue(to_ms(*time)) : SqlValue(nullptr);
}
std::optional<WallTime> optional_time(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return from_ms(row.integer(column));
}

std::string_view to_text(Wanted wanted) {
  switch (wanted) {
    case Wanted::running:
      return "running";
    case Wanted::stopped:
      return "stopped";
    case Wanted::removed:
      return "removed";
  }
  return "running";
}

Error corrupt_row(std::string_view what, std::string_view why) {
  return {
      .what = fmt::format("the journal has a {} that makes no sense", what),
      .why = std::string(why),
      .hint =
          "set the file aside (mv journal.db journal.old) and run carrel up in the folder again",
      .reason = Reason::corrupt,
      .trace = {}};
}

Result<WorkspaceId> id_at(const Row& row, int column) {
  auto id = WorkspaceId::parse(row.text(column));
  if (!id) return fail(corrupt_row("workspace id", id.error().what));
  return id;
}

Result<WorkspaceRow> workspace_at(const Row& row) {
  auto name = WorkspaceName::parse(row.text(1));
  if (!name) return fail(corrupt_row("workspace name", name.error().what));
  const auto wanted = row.text(3);
  return WorkspaceRow{
      .id = TRY(id_at(row, 0)),
      .name = *name,
      .folder = row.text(2),
      .wanted = wanted == "removed"   ? Wanted::removed
                : wanted == "stopped" ? Wanted::stopped
                                      : Wanted::running,
      .flags = row.text(4),
      .notebook = row.text(5),
      .proof = row.text(8),
      .environment_key = row.text(6),
      .environment_json = row.text(7),
      .created = from_ms(row.integer(9)),
  };
}

Result<MachineRow> machine_at(const Row& row) {
  MachineRow machine{.workspace = TRY(id_at(row, 0)),
                     .sequence = static_cast<int>(row.integer(1)),
                     .token = row.text(2),
                     .machine = {.provider = row.text(3), .place = row.text(4), .ref = row.text(5)},
                     .asked = row.text(6)};
  const auto made = optional_time(row, 7);
  const auto ends = optional_time(row, 8);
  if (made && ends) machine.extension = {.made = *made, .ends = *ends};
  return machine;
}

Result<ServerRow> server_at(const Row& row) {
  std::optional<ProcessId> process;
  if (!row.is_null(2)) {
    process = ProcessId{.pid = static_cast<pid_t>(row.integer(2)),
                        .start_ticks = static_cast<std::uint64_t>(row.integer(3)),
                        .boot_id = row.text(4)};
  }
  return ServerRow{.workspace = TRY(id_at(row, 0)),
                   .instance = row.text(1),
                   .process = std::move(process),
                   .port = static_cast<std::uint16_t>(row.integer(5)),
                   .port_asked_for = row.integer(6) != 0,
                   .public_reach = row.integer(7) != 0,
                   .runtime_folder = row.text(8),
                   .started = optional_time(row, 9),
                   .ready = optional_time(row, 10),
                   .stopped = optional_time(row, 11)};
}

// All rows of one query as values; the first that makes no sense is the error.
template <class Value>
Result<std::vector<Value>> rows(Database& database, Result<Value> (*read)(const Row&),
                                std::string_view sql, const std::vector<SqlValue>& values = {}) {
  std::vector<Value> found;
  std::optional<Error> error;
  TRY(database.each(
      [&](const Row& row) {
        auto value = read(row);
        if (value) {
          found.push_back(std::move(*value));
        } else if (!error) {
          error = std::move(value).error();
        }
      },
      sql, values));
  if (error) return fail(std::move(*error));
  return found;
}

template <class Value>
std::optional<Value> first(std::vector<Value> values) {
  if (values.empty()) return std::nullopt;
  return std::move(values.front());
}

}  // namespace

Result<Journal> Journal::open(const std::filesystem::path& file) {
  auto database = Database::open(file);
  if (!database) return fail(std::move(database).error().while_doing("while opening the journal"));
  if (auto done = migrate_journal(*database, file); !done) {
    return fail(std::move(done).error().while_doing("while opening the journal"));
  }
  return Journal(std::move(*database));
}

Result<std::vector<WorkspaceRow>> Journal::workspaces() {
  return rows(database_, workspace_at,
              fmt::format("select {} from workspace order by name", workspace_columns));
}

Result<std::vector<WorkspaceRow>> Journal::listing() {
  return rows(database_, workspace_at,
              "select id, name, folder, wanted, '', notebook, environment_key, '', '', created_ms "
              "from workspace order by name");
}

Result<std::optional<WorkspaceRow>> Journal::by_name(std::string_view name) {
  return first(TRY(rows(database_, workspace_at,
                        fmt::format("select {} from workspace where name = ?", workspace_columns),
                        {std::string(name)})));
}

Result<std::optional<WorkspaceRow>> Journal::by_folder(const std::filesystem::path& folder) {
  return first(TRY(rows(database_, workspace_at,
                        fmt::format("select {} from workspace where folder = ?", workspace_columns),
                        {folder.string()})));
}

Result<std::optional<WorkspaceRow>> Journal::by_id(const WorkspaceId& id) {
  return first(TRY(rows(database_, workspace_at,
                        fmt::format("select {} from workspace where id = ?", workspace_columns),
                        {id.text()})));
}

Result<WorkspaceRow> Journal::add_workspace(const WorkspaceRow& row) {
  WorkspaceRow added = row;
  TRY(database_.transaction([&]() -> Result<> {
    if (auto there = TRY(by_folder(row.folder))) {
      added = std::move(*there);
      return {};
    }
    for (int number = 2; TRY(by_name(added.name.text())); ++number)
      added.name = row.name.numbered(number);
    return database_.run(
        "insert into workspace(id, name, folder, wanted, flags, notebook, created_ms) values (?, "
        "?, ?, ?, ?, ?, ?)",
        {added.id.text(), added.name.text(), added.folder, std::string(to_text(added.wanted)),
         added.flags, added.notebook, to_ms(added.created)});
  }));
  return added;
}

Result<> Journal::want(const WorkspaceId& id, Wanted wanted) {
  return database_.run("update workspace set wanted = ? where id = ?",
                       {std::string(to_text(wanted)), id.text()});
}

Result<> Journal::set_name(const WorkspaceId& id, const WorkspaceName& name) {
  return database_.transaction([&]() -> Result<> {
    if (const auto other = TRY(by_name(name.text())); other && other->id != id) {
      return fail({.what = fmt::format("the name {} belongs to {}", name.text(), other->folder),
                   .why = {},
                   .hint = "choose another: carrel up --name NAME",
                   .reason = Reason::exists,
                   .trace = {}});
    }
    return database_.run("update workspace set name = ? where id = ?", {name.text(), id.text()});
  });
}

Result<> Journal::set_flags(const WorkspaceId& id, std::string_view flags) {
  return database_.run("update workspace set flags = ? where id = ?",
                       {std::string(flags), id.text()});
}

Result<> Journal::set_notebook(const WorkspaceId& id, std::string_view notebook) {
  return database_.run("update workspace set notebook = ? where id = ?",
                       {std::string(notebook), id.text()});
}

Result<> Journal::set_proof(const WorkspaceId& id, std::string_view json) {
  return database_.run("update workspace set proof = ? where id = ?",
                       {std::string(json), id.text()});
}

Result<> Journal::set_environment(const WorkspaceId& id, std::string_view key,
                                  std::string_view json) {
  return database_.run("update workspace set environment_key = ?, environment = ? where id = ?",
                       {std::string(key), std::string(json), id.text()});
}

Result<> Journal::forget(const WorkspaceId& id) {
  return database_.run("delete from workspace where id = ?", {id.text()});
}

Result<std::optional<MachineRow>> Journal::machine(const WorkspaceId& id) {
  return first(TRY(
      rows(database_, machine_at,
           fmt::format("select {} from machine where workspace = ? order by sequence desc limit 1",
                       machine_columns),
           {id.text()})));
}

Result<std::map<WorkspaceId, MachineRow>> Journal::machines() {
  // In the table's order, not the index's: a listing has thousands.
  auto all =
      TRY(rows(database_, machine_at, fmt::format("select {} from machine", machine_columns)));
  std::map<WorkspaceId, MachineRow> newest;
  for (auto& machine : all) {
    const auto known = newest.find(machine.workspace);
    if (known == newest.end()) {
      newest.emplace(machine.workspace, std::move(machine));
    } else if (known->second.sequence < machine.sequence) {
      known->second = std::move(machine);
    }
  }
  return newest;
}

Result<MachineRow> Journal::add_machine(const WorkspaceId& id, std::string_view token,
                                        std::string_view provider, std::string_view asked) {
  // The one row that a lost power must not take back: what it announces may cost money.
  TRY(database_.script("pragma synchronous = full"));
  const auto added = database_.run(
      "insert into machine(workspace, sequence, token, provider, asked) values (?1, "
      "(select coalesce(max(sequence), 0) + 1 from machine where workspace = ?1), ?2, ?3, ?4)",
      {id.text(), std::string(token), std::string(provider), std::string(asked)});
  TRY(database_.script("pragma synchronous = normal"));
  TRY(added);
  return *TRY(machine(id));
}

Result<> Journal::set_machine(const WorkspaceId& id, int sequence, const MachineRef& machine) {
  return database_.run(
      "update machine set provider = ?, place = ?, ref = ? where workspace = ? and sequence = ?",
      {machine.provider, machine.place, machine.ref, id.text(), std::int64_t{sequence}});
}

Result<> Journal::set_extension(const WorkspaceId& id, int sequence,
                                const MachineRow::Extension& extension) {
  return database_.run(
      "update machine set extended_ms = ?, ends_ms = ? where workspace = ? and sequence = ?",
      {to_ms(extension.made), to_ms(extension.ends), id.text(), std::int64_t{sequence}});
}

Result<std::optional<ServerRow>> Journal::server(const WorkspaceId& id) {
  return first(TRY(rows(database_, server_at,
                        fmt::format("select {} from server where workspace = ?", server_columns),
                        {id.text()})));
}

Result<std::vector<ServerRow>> Journal::servers() {
  return rows(database_, server_at, fmt::format("select {} from server", server_columns));
}

Result<> Journal::put_server(const ServerRow& row) {
  const auto pid = row.process ? SqlValue(std::int64_t{row.process->pid}) : SqlValue(nullptr);
  const auto ticks = row.process ? SqlValue(static_cast<std::int64_t>(row.process->start_ticks))
                                 : SqlValue(nullptr);
  return database_.run(
      fmt::format("insert or replace into server({}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  server_columns),
      {row.workspace.text(), row.instance, pid, ticks,
       row.process ? row.process->boot_id : std::string(), std::int64_t{row.port},
       std::int64_t{row.port_asked_for}, std::int64_t{row.public_reach}, row.runtime_folder,
       optional_ms(row.started), optional_ms(row.ready), optional_ms(row.stopped)});
}

Result<> Journal::set_server_process(const WorkspaceId& id, const ProcessId& process,
                                     WallTime started) {
  return database_.run(
      "update server set pid = ?, start_ticks = ?, boot_id = ?, started_ms = ? where workspace = ?",
      {std::int64_t{process.pid}, static_cast<std::int64_t>(process.start_ticks), process.boot_id,
       to_ms(started), id.text()});
}

Result<> Journal::set_server_ready(const WorkspaceId& id, WallTime when) {
  return database_.run("update server set ready_ms = ? where workspace = ?",
                       {to_ms(when), id.text()});
}

Result<> Journal::set_server_stopped(const WorkspaceId& id, WallTime when) {
  return database_.run("update server set stopped_ms = ? where workspace = ?",
                       {to_ms(when), id.text()});
}

Result<std::optional<Milliseconds>> Journal::usual(std::string_view phase) {
  const auto median = TRY(database_.integer(
      "select milliseconds from timing where phase = ?1 order by milliseconds limit 1 "
      "offset (select count(*) / 2 from timing where phase = ?1)",
      {std::string(phase)}));
  if (!median) return std::nullopt;
  return Milliseconds(*median);
}

Result<> Journal::add_timing(std::string_view phase, Milliseconds took) {
  return database_.transaction([&]() -> Result<> {
    TRY(database_.run("insert into timing(phase, milliseconds) values (?, ?)",
                      {std::string(phase), std::int64_t{took.count()}}));
    return database_.run(
        "delete from timing where phase = ?1 and rowid not in "
        "(select rowid from timing where phase = ?1 order by rowid desc limit ?2)",
        {std::string(phase), std::int64_t{timings_kept}});
  });
}

}  // namespace carrel
