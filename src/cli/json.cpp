#include "cli/json.hpp"

#include "base/error.hpp"
#include "base/money.hpp"
#include "base/names.hpp"
#include "environment/environment.hpp"
#include "files/copy.hpp"
#include "files/exchange.hpp"
#include "os/clock.hpp"
#include "workspace/journal.hpp"
#include "workspace/state.hpp"
#include "workspace/workspaces.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace carrel::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string document(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json text_or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

// Micro-dollars as a decimal number: at most six digits after the point.
Json dollars(Money money) {
  constexpr std::int64_t million = 1'000'000;
  if (money.micro_usd % million == 0) return money.micro_usd / million;
  return static_cast<double>(money.micro_usd) / static_cast<double>(million);
}

Json error_json(const Error& error) {
  return {{"what", error.what},
          {"why", text_or_null(error.why)},
          {"hint", text_or_null(error.hint)},
          {"exit", static_cast<int>(error.exit)},
          {"trace", error.trace}};
}

Json status_json(const WorkspaceStatus& status) {
  Json json = {
      {"id", status.id.text()},
      {"name", status.full_name()},
      {"provider", text_or_null(status.machine_ref.provider)},
      {"place", text_or_null(status.machine_ref.place)},
      {"ref", text_or_null(status.machine_ref.ref)},
      {"state", status.word},
      {"detail", text_or_null(status.detail)},
      {"machine", to_string(status.machine)},
      {"server", to_string(status.server)},
      {"url", text_or_null(status.url)},
      {"public", status.public_reach},
      {"public_url", text_or_null(status.public_url)},
      {"port", status.port == 0 ? Json(nullptr) : Json(status.port)},
      {"folder", text_or_null(status.folder)},
      {"folder_exists", status.folder_exists},
      {"kernels", status.kernels ? Json(*status.kernels) : Json(nullptr)},
      {"since", status.since ? Json(iso8601(*status.since)) : Json(nullptr)},
      {"environment", text_or_null(status.environment)},
      {"python", text_or_null(status.python)},
      {"cost_usd", status.is_elsewhere() ? Json(nullptr) : dollars(status.cost)},
      {"cost_usd_per_hour", status.is_elsewhere() ? Json(nullptr) : dollars(status.per_hour)},
      {"ends", status.ends ? Json(iso8601(*status.ends)) : Json(nullptr)},
      {"computer", text_or_null(status.computer)},
      {"owner", text_or_null(status.owner)}};
  return json;
}

}  // namespace

std::string phase_event(const PhaseEvent& event) {
  const auto* key = event.state == "begin" ? "title" : event.state == "end" ? "result" : "text";
  Json json = {{"event", "phase"}, {"phase", event.name}, {"state", event.state}};
  if (event.state != "failed") json[key] = event.text;
  json["elapsed_ms"] = event.elapsed.count();
  json["usual_ms"] = event.usual ? Json(event.usual->count()) : Json(nullptr);
  if (!event.of.empty()) json["name"] = event.of;
  return line(json);
}

std::string note_event(std::string_view text, std::string_view of) {
  Json json = {{"event", "note"}, {"text", text}};
  if (!of.empty()) json["name"] = of;
  return line(json);
}

std::string error_event(const Error& error, std::string_view of) {
  Json json = {{"event", "error"}};
  json.update(error_json(error));
  if (!of.empty()) json["name"] = of;
  return line(json);
}

std::string ready_event(const UpResult& result) {
  Json json = {{"event", "ready"}};
  json.update(status_json(result.status));
  json["notebook"] = text_or_null(result.notebook);
  json["was_up"] = result.was_up;
  json["fingerprint"] = text_or_null(result.fingerprint);
  json["proof"] = {{"output", result.proof.output},
                   {"python", result.proof.python},
                   {"gpu", text_or_null(result.proof.gpu)},
                   {"cell_ms", result.proof.cell.count()}};
  return line(json);
}

std::string done_event(std::string_view event, const WorkspaceId& id, std::string_view name,
                       bool changed) {
  return line({{"event", event}, {"id", id.text()}, {"name", name}, {"changed", changed}});
}

std::string exchange_event(std::string_view event, const WorkspaceRow& row,
                           const ExchangeReport& report) {
  auto beside = Json::array();
  for (const auto& [path, copy] : report.beside) beside.push_back({{"path", path}, {"copy", copy}});
  return line({{"event", event},
               {"id", row.id.text()},
               {"name", row.name.text()},
               {"files", report.files},
               {"bytes", report.bytes},
               {"refused", report.refused},
               {"beside", std::move(beside)},
               {"deleted_here", report.deleted_here},
               {"deleted_there", report.deleted_there},
               {"left_out", report.left_out}});
}

std::string unsaved_event(const WorkspaceRow& row, const Unsaved& unsaved) {
  return line({{"event", "unsaved"},
               {"id", row.id.text()},
               {"name", row.name.text()},
               {"changed", unsaved.changed},
               {"left_out", unsaved.left_out}});
}

std::string copied_event(const WorkspaceRow& row, const CopyReport& report) {
  return line({{"event", "copied"},
               {"id", row.id.text()},
               {"name", row.name.text()},
               {"files", report.files},
               {"bytes", report.bytes},
               {"there_already", report.there_already}});
}

std::string cell_event(std::size_t done, std::size_t cells, std::string_view first_line) {
  return line({{"event", "cell"}, {"done", done}, {"cells", cells}, {"first_line", first_line}});
}

std::string output_event(std::string_view output_json) {
  auto output = Json::parse(output_json, nullptr, false);
  if (output.is_discarded()) return {};
  return line({{"event", "output"}, {"output", std::move(output)}});
}

std::string run_event(const WorkspaceRow& row, std::string_view notebook, const RunReport& report) {
  Json error = nullptr;
  if (report.failed_cell) {
    error = {{"name", report.error_name},
             {"value", report.error_value},
             {"traceback", report.traceback}};
  }
  return line({{"event", "ran"},
               {"id", row.id.text()},
               {"name", row.name.text()},
               {"notebook", notebook},
               {"cells", report.cells},
               {"done", report.done},
               {"failed_cell", report.failed_cell ? Json(*report.failed_cell) : Json(nullptr)},
               {"error", error},
               {"interrupted", report.interrupted}});
}

std::string workspaces_json(const std::vector<WorkspaceStatus>& list) {
  auto workspaces = Json::array();
  for (const auto& status : list) workspaces.push_back(status_json(status));
  return document({{"workspaces", std::move(workspaces)}});
}

std::string details_json(const std::vector<WorkspaceDetails>& list, const Missing& missing) {
  auto workspaces = Json::array();
  for (const auto& details : list) {
    auto json = status_json(details.status);
    auto kernels = Json::array();
    for (const auto& kernel : details.kernels) {
      kernels.push_back({{"id", kernel.id},
                         {"name", kernel.name},
                         {"state", kernel.execution_state},
                         {"last_activity", text_or_null(kernel.last_activity)},
                         {"connections", kernel.connections}});
    }
    json["kernel_list"] = std::move(kernels);
    json["added_by_hand"] = details.added_by_hand;
    json["log"] = text_or_null(details.log.string());
    json["log_end"] = text_or_null(details.log_end);
    workspaces.push_back(std::move(json));
  }
  Json root = {{"workspaces", std::move(workspaces)}};
  if (!missing.empty()) {
    auto errors = Json::array();
    for (const auto& [name, error] : missing) {
      Json json = {{"name", name}};
      json.update(error_json(error));
      errors.push_back(std::move(json));
    }
    root["errors"] = std::move(errors);
  }
  return document(root);
}

std::string cache_json(const std::vector<CacheEntry>& entries, bool pruned) {
  auto list = Json::array();
  std::uint64_t all = 0;
  std::uint64_t removable = 0;
  for (const auto& entry : entries) {
    all += entry.bytes;
    if (entry.removable) removable += entry.bytes;
    list.push_back({{"what", entry.what},
                    {"name", entry.name},
                    {"path", entry.path.string()},
                    {"bytes", entry.bytes},
                    {"used_by", entry.used_by},
                    {"removable", entry.removable},
                    {"removed", pruned && entry.removable}});
  }
  return document({{"entries", std::move(list)}, {"bytes", all}, {"removable_bytes", removable}});
}

std::string url_json(const WorkspaceRow& row, std::string_view url) {
  return document({{"id", row.id.text()}, {"name", row.name.text()}, {"url", url}});
}

std::string checks_json(const std::vector<CheckJson>& checks, bool ready) {
  auto list = Json::array();
  for (const auto& check : checks) {
    list.push_back({{"name", check.name},
                    {"state", check.state},
                    {"found", text_or_null(check.found)},
                    {"fix", text_or_null(check.fix)}});
  }
  return document({{"ready", ready}, {"checks", std::move(list)}});
}

}  // namespace carrel::cli
