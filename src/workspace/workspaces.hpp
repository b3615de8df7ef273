// The life of workspaces: what happens, in which order, and what is undone when it fails.
// Everything the command line shows or does goes through here. Each call takes the workspace's own
// lock where it changes something; two at once: one works, the other waits, says so, and finds the
// work done.
#pragma once

#include "base/error.hpp"
#include "base/money.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "base/secret.hpp"
#include "environment/environment.hpp"
#include "files/copy.hpp"
#include "files/exchange.hpp"
#include "jupyter/client.hpp"
#include "keeper/protocol.hpp"
#include "machine/lifetime.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"
#include "os/random.hpp"
#include "workspace/check.hpp"
#include "workspace/journal.hpp"
#include "workspace/paths.hpp"
#include "workspace/proof.hpp"
#include "workspace/provider.hpp"
#include "workspace/spec.hpp"
#include "workspace/state.hpp"
#include "workspace/wish.hpp"
#include "workspace/world.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

// One workspace as people and programs see it (docs/reference/json.md).
struct WorkspaceStatus {
  WorkspaceId id;
  WorkspaceName name;
  std::string folder;
  bool folder_exists = true;
  MachineRef machine_ref;
  MachineState machine = MachineState::none;
  ServerState server = ServerState::none;
  std::string word;        // word_for(machine, server)
  std::string detail;      // why, when it is not simply up or stopped
  std::string url;         // without any secret; "" when not running
  std::string public_url;  // where others reach it, likewise
  bool public_reach = false;
  std::uint16_t port = 0;
  std::optional<std::size_t> kernels;  // none: not asked or no answer
  std::optional<WallTime> since;       // of the word
  Money cost;
  Money per_hour;
  std::optional<WallTime> ends;  // of a machine that runs: it powers itself off then
  std::string environment;       // summary
  std::string python;
  // Of a workspace of another computer, as its machine's tags say: hostile text.
  std::string at;        // what follows '@' in its name: the computer, or the machine's ref
  std::string computer;  // "" where no tag says
  std::string owner;

  bool is_elsewhere() const { return !at.empty(); }
  std::string full_name() const { return at.empty() ? name.text() : name.text() + "@" + at; }
};

struct ListRequest {
  bool ask_kernels = false;  // count those of servers that run (a short question each, at once)
  std::string also_on = {};  // a provider whose usual place is asked, too, what else is there
};
struct WorkspaceList {
  std::vector<WorkspaceStatus> all;  // this computer's own first
  std::vector<Error> unasked;        // a place that could not be asked, each
};

// What `status NAME` adds.
struct WorkspaceDetails {
  WorkspaceStatus status;
  std::vector<KernelModel> kernels;
  std::vector<std::string> added_by_hand;
  std::string log_end;  // of a failed server
  std::filesystem::path log;
};

struct UpRequest {
  std::filesystem::path folder;  // absolute; exists
  Spec flags;
  std::optional<Secret> password;    // plain, from the terminal or a file: hashed here
  std::optional<Plan> plan = {};     // what the person has agreed to pay for, as `plan` gave it
  std::string accept_host_key = {};  // "SHA256:...", which the person vouches for; "": none
};

struct StopResult {
  bool changed = false;  // false: it was stopped already
  Money per_day;         // what the stopped machine goes on costing
};

struct StoppedElsewhere {
  WorkspaceStatus before;
  StopResult result;
};

struct UpResult {
  WorkspaceStatus status;
  Proof proof;
  bool was_up = false;
  std::string fingerprint;  // of the certificate, with public reach
  std::string notebook;     // opened first, "" for none
};

struct RunReport {
  std::size_t cells = 0;
  std::size_t done = 0;
  std::optional<std::size_t> failed_cell;  // number among code cells, from 1
  std::string error_name;
  std::string error_value;
  std::vector<std::string> traceback;
  bool interrupted = false;
};
struct RunEvents {
  std::function<void(std::size_t done, std::size_t cells, std::string_view first_line)> on_cell;
  std::function<void(std::string_view output_json)> on_output;  // nbformat output object
};

class Workspaces {
 public:
  // Makes the state folder and opens the journal.
  static Result<Workspaces> open(World world);

  // By name; "" is the workspace of `here` (a folder or one above it).
  Result<WorkspaceRow> find(std::string_view name, const std::filesystem::path& here);
  Result<std::vector<WorkspaceRow>> all();

  // What `up` with this spec needs of the place and what of it is there; of it alone: no folder is
  // looked at.
  Result<std::vector<Check>> checks(std::string_view place, const Spec& spec, const Wait& wait);

  // What `up` of this would have to pay for; none: nothing, or a machine that is there already.
  Result<std::optional<Plan>> plan(const UpRequest& request, Progress& progress, const Wait& wait);
  // Whether it is known whom the machine of that plan would let in. Exit::act: `flags.from` says
  // it.
  Result<> check_from(const UpRequest& request, const Wait& wait);
  // What `up` of this would send to its machine; none: nothing, or what was agreed to before.
  Result<std::optional<FolderSize>> to_send(const UpRequest& request, const Wait& wait);
  // Whether `up` of this would be refused for want of a password: ask for one first.
  Result<bool> needs_password(const UpRequest& request);
  Result<bool> is_public(const UpRequest& request);
  Result<UpResult> up(const UpRequest& request, Progress& progress, const Wait& wait);
  Result<UpResult> start(const WorkspaceRow& row, Progress& progress, const Wait& wait);
  // Before the `start` of each of many: their stopped machines are asked to start together, and
  // waited for by one question for all. A machine that does not start is no error here: its own
  // `start` says why. Errors: interrupted; the journal.
  Result<> wake(const std::vector<WorkspaceRow>& rows, Progress& progress, const Wait& wait);
  Result<StopResult> stop(const WorkspaceRow& row, Progress& progress, const Wait& wait);
  // The machine of a workspace of another computer, by its full name ("lesson@laptop"): asks the
  // places of this computer's machines and the usual ones.
  Result<StoppedElsewhere> stop_elsewhere(std::string_view full_name, const Wait& wait);
  // What has changed on one side since the last exchange goes to the other (files/exchange.hpp).
  Result<ExchangeReport> push(const WorkspaceRow& row, Force force, Progress& progress,
                              const Wait& wait);
  Result<ExchangeReport> pull(const WorkspaceRow& row, Progress& progress, const Wait& wait);
  // Paths of the machine are taken from the workspace's folder there.
  Result<CopyReport> copy(const WorkspaceRow& row, CopyRequest request, Progress& progress,
                          const Wait& wait);
  // Its machine is this computer, or it has none.
  Result<bool> is_here(const WorkspaceRow& row);
  // What would be lost with the machine, and git has not pushed from there; an error: it could not
  // be looked at. On this computer, and where the machine is gone: nothing.
  Result<Unsaved> unsaved(const WorkspaceRow& row, Progress& progress, const Wait& wait);

  // Server, kernels, environment copy, own files; never the person's folder.
  Result<> remove(const WorkspaceRow& row, Progress& progress, const Wait& wait);

  // This computer's workspaces; and where one of their machines is, what other computers have made
  // there, by the same question.
  Result<WorkspaceList> list(const ListRequest& request, const Wait& wait);
  Result<WorkspaceDetails> details(const WorkspaceRow& row, const Wait& wait);

  // The fingerprint of the host key that its machine shows now, whoever it is.
  Result<std::string> host_key(const std::filesystem::path& folder, const Wait& wait);
  // What the calls until now have opened or closed, once; for people.
  std::vector<std::string> notes();

  // Where its machine is now, as the keeper asks: an address, "none" (it has none), "unknown".
  Result<std::string> address(const WorkspaceId& id, const Wait& wait);

  // An address that signs in once, within ten minutes.
  Result<Secret> ticket_url(const WorkspaceRow& row, const Wait& wait);
  Result<Secret> token_url(const WorkspaceRow& row, const Wait& wait);
  // A 0600 HTML file that takes a browser to the ticket; removed by the next `open` or `stop`.
  Result<std::filesystem::path> redirect_file(const WorkspaceRow& row, const Wait& wait);

  // Runs argv in the workspace's environment and folder, on the person's terminal. Its status.
  Result<int> exec(const WorkspaceRow& row, const std::vector<std::string>& argv, const Wait& wait);
  // A login shell of its machine on the person's terminal, or `line` given to one. Its status.
  Result<int> shell(const WorkspaceRow& row, const std::string& line, const Wait& wait);
  // What a keeper's door to a port of its machine's loopback needs; the machine is verified.
  Result<KeptWorkspace> way_to_port(const WorkspaceRow& row, std::uint16_t port, const Wait& wait);
  // Moves the time at which its machine powers itself off; that time.
  Result<WallTime> extend(const WorkspaceRow& row, const Extension& extension, Progress& progress,
                          const Wait& wait);
  // Entries for the person's own ssh (ssh_config.hpp), written anew; where.
  Result<std::filesystem::path> ssh_config();
  Result<RunReport> run_notebook(const WorkspaceRow& row, const std::filesystem::path& notebook,
                                 const RunEvents& events, const Wait& wait);
  // The server's log; `follow`: goes on until interrupted, across restarts.
  Result<> logs(const WorkspaceRow& row, bool follow,
                const std::function<void(std::string_view)>& lines, const Wait& wait);
  // How its machine booted: cloud-init's log where ssh answers, else the machine's console. On this
  // computer: Exit::usage.
  Result<> boot_log(const WorkspaceRow& row, const std::function<void(std::string_view)>& lines,
                    const Wait& wait);

  Result<std::vector<CacheEntry>> cache(const Wait& wait);
  Result<> prune(const std::vector<CacheEntry>& entries, const Wait& wait);

 private:
  Workspaces(World world, Journal journal);
  Result<Wish> checked_wish(const UpRequest& request, const Wait& wait);
  Result<> remove_locked(const WorkspaceRow& row, Progress& progress, const Wait& wait);

  World world_;
  Journal journal_;
};

}  // namespace carrel
