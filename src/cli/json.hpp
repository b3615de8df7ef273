// What programs read: events (one JSON object a line) and listings (one JSON object). Every field
// is described in docs/reference/json.md and never renamed. All functions give whole lines; bytes
// that are no UTF-8 are replaced.
#pragma once

#include "base/error.hpp"
#include "files/copy.hpp"
#include "files/exchange.hpp"
#include "workspace/workspaces.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {

struct PhaseEvent {
  std::string name;
  std::string state;  // "begin", "detail", "end", "failed"
  std::string text;
  std::chrono::milliseconds elapsed{0};
  std::optional<std::chrono::milliseconds> usual;
  std::string of = {};  // the name of one workspace of several, else ""
};
std::string phase_event(const PhaseEvent& event);
std::string note_event(std::string_view text, std::string_view of = {});
std::string error_event(const Error& error, std::string_view of = {});
std::string ready_event(const UpResult& result);
// "stopped", "started", "removed": something was done to a workspace. `changed` false: it was so
// already.
std::string done_event(std::string_view event, const WorkspaceId& id, std::string_view name,
                       bool changed);

// "pushed", "pulled".
std::string exchange_event(std::string_view event, const WorkspaceRow& row,
                           const ExchangeReport& report);
std::string unsaved_event(const WorkspaceRow& row, const Unsaved& unsaved);
std::string copied_event(const WorkspaceRow& row, const CopyReport& report);

std::string cell_event(std::size_t done, std::size_t cells, std::string_view first_line);
std::string output_event(std::string_view output_json);
std::string run_event(const WorkspaceRow& row, std::string_view notebook, const RunReport& report);

// What could not be shown: the name that was asked for and why.
using Missing = std::vector<std::pair<std::string, Error>>;
std::string workspaces_json(const std::vector<WorkspaceStatus>& list);
std::string details_json(const std::vector<WorkspaceDetails>& list, const Missing& missing);
std::string cache_json(const std::vector<CacheEntry>& entries, bool pruned);
std::string url_json(const WorkspaceRow& row, std::string_view url);

struct CheckJson {
  std::string name;
  std::string state;  // "ok", "optional", "missing"
  std::string found;
  std::string fix;
};
std::string checks_json(const std::vector<CheckJson>& checks, bool ready);

}  // namespace carrel::cli
