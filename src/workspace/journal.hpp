// The journal: the local record, written before each outside act, from which an interrupted command
// resumes. SQLite in WAL mode, schema version in PRAGMA user_version, migrations one after the
// other (docs/development/journal.md has the tables). A journal of a newer Carrel is refused and
// left untouched; a corrupt one likewise, with the way to set it aside. One thread an object;
// several processes at once.
#pragma once

#include "base/names.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/sqlite.hpp"
#include "workspace/provider.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

enum class Wanted { running, stopped, removed };

struct WorkspaceRow {
  WorkspaceId id;
  WorkspaceName name;
  std::string folder;  // no path, which takes ten times the room: a listing has thousands
  Wanted wanted = Wanted::running;
  std::string flags;  // what `up` was told by flags, as carrel.toml text: `start` and the next `up`
                      // keep to it
  std::string notebook;          // opened first; "" for none
  std::string proof;             // of the last start, as JSON; "" before the first
  std::string environment_key;   // the template's, "" for an interpreter or none yet
  std::string environment_json;  // PreparedEnvironment, "" before the first
  WallTime created;
};

struct MachineRow {
  WorkspaceId workspace;
  int sequence = 1;
  std::string token;
  MachineRef machine;  // ref "" until the provider has answered
  std::string asked;   // what was asked for (workspace/intent.hpp), JSON
  struct Extension {   // of the lifetime that it had when this was written down
    WallTime made;
    WallTime ends;
  };
  std::optional<Extension> extension = {};
};

struct ServerRow {
  WorkspaceId workspace;
  std::string instance;  // random, also in the process's environment; made before the start
  std::optional<ProcessId> process;  // none until it is known
  std::uint16_t port = 0;
  bool port_asked_for = false;
  bool public_reach = false;
  std::string runtime_folder;
  std::optional<WallTime> started;
  std::optional<WallTime> ready;    // it has answered
  std::optional<WallTime> stopped;  // asked for
};

class Journal {
 public:
  static Result<Journal> open(const std::filesystem::path& file);

  Result<std::vector<WorkspaceRow>> workspaces();
  Result<std::vector<WorkspaceRow>>
  listing();  // the same without flags, environment and proof: quick for a thousand
  Result<std::optional<WorkspaceRow>> by_name(std::string_view name);
  Result<std::optional<WorkspaceRow>> by_folder(const std::filesystem::path& folder);
  Result<std::optional<WorkspaceRow>> by_id(const WorkspaceId& id);
  // The row of this folder, made when there is none; two at once make one. Name taken by another
  // folder: numbered.
  Result<WorkspaceRow> add_workspace(const WorkspaceRow& row);
  Result<> want(const WorkspaceId& id, Wanted wanted);
  Result<> set_name(const WorkspaceId& id, const WorkspaceName& name);  // Reason::exists
  Result<> set_flags(const WorkspaceId& id, std::string_view flags);
  Result<> set_notebook(const WorkspaceId& id, std::string_view notebook);
  Result<> set_proof(const WorkspaceId& id, std::string_view json);
  Result<> set_environment(const WorkspaceId& id, std::string_view key, std::string_view json);
  Result<> forget(
      const WorkspaceId& id);  // with its machines and server: the last act of a removal

  Result<std::optional<MachineRow>> machine(const WorkspaceId& id);  // the newest
  Result<std::map<WorkspaceId, MachineRow>> machines();              // the newest of each workspace
  Result<MachineRow> add_machine(const WorkspaceId& id, std::string_view token,
                                 std::string_view provider, std::string_view asked = {});
  Result<> set_machine(const WorkspaceId& id, int sequence, const MachineRef& machine);

  Result<> set_extension(const WorkspaceId& id, int sequence,
                         const MachineRow::Extension& extension);

  Result<std::optional<ServerRow>> server(const WorkspaceId& id);
  Result<std::vector<ServerRow>> servers();
  Result<> put_server(const ServerRow& row);  // the whole row, replaced
  Result<> set_server_process(const WorkspaceId& id, const ProcessId& process, WallTime started);
  Result<> set_server_ready(const WorkspaceId& id, WallTime when);
  Result<> set_server_stopped(const WorkspaceId& id, WallTime when);

  // What a phase usually takes here: the median of the last five of this key.
  Result<std::optional<Milliseconds>> usual(std::string_view phase);
  Result<> add_timing(std::string_view phase, Milliseconds took);

 private:
  explicit Journal(Database database) : database_(std::move(database)) {}
  Database database_;
};

}  // namespace carrel
