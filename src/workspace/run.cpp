// `run`: a notebook cell by cell in a fresh kernel of the workspace, its outputs written back
// through the server.
#include "base/error.hpp"
#include "base/text.hpp"
#include "jupyter/client.hpp"
#include "notebook/document.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/running.hpp"
#include "workspace/workspaces.hpp"
#include "workspace/world.hpp"

#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

constexpr std::string_view extension = ".ipynb";
constexpr auto save_at_most_every = std::chrono::seconds(5);
constexpr auto patience_after_interrupt = std::chrono::seconds(10);
constexpr auto patience_for_a_file = std::chrono::seconds(20);
constexpr auto patience_to_clean_up = std::chrono::seconds(10);

// Relative to the workspace's folder; "" for a notebook that lies elsewhere on this computer.
std::string path_in_workspace(const WorkspaceRow& row, const std::filesystem::path& notebook) {
  std::error_code error;
  const auto whole = std::filesystem::weakly_canonical(notebook, error);
  const auto root = std::filesystem::weakly_canonical(row.folder, error);
  const auto relative = whole.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..") return {};
  return relative.string();
}

// Where the document is read and written: through the server, or, outside its folder, as a file.
struct Place {
  std::string name;  // for people, and where "-run" is put before ".ipynb"
  std::function<Result<std::string>(const std::string& name)> read;
  std::function<Result<>(const std::string& name, const std::string& text)> write;
};

Place place_of(JupyterClient& client, const std::string& inside,
               const std::filesystem::path& notebook) {
  if (!inside.empty()) {
    return {.name = inside,
            .read =
                [&client](const std::string& name) {
                  return client.read_notebook(name, Wait::at_most(patience_for_a_file));
                },
            .write =
                [&client](const std::string& name, const std::string& text) {
                  return client.write_notebook(name, text, Wait::at_most(patience_for_a_file));
                }};
  }
  return {.name = notebook.string(),
          .read = [](const std::string& name) { return read_file(name); },
          .write =
              [](const std::string& name, const std::string& text) {
                std::error_code error;
                const auto status = std::filesystem::status(name, error);
                const auto mode =
                    std::filesystem::exists(status)
                        ? static_cast<mode_t>(status.permissions() & std::filesystem::perms::all)
                        : mode_t{0644};
                return write_file(std::filesystem::weakly_canonical(name, error), text, mode);
              }};
}

std::string first_line(std::string_view source) {
  for (const auto& line : lines_of(source)) {
    if (!trimmed(line).empty()) return printable(trimmed(line));
  }
  return {};
}

// The cells without outputs and ids (an old document gets new ones at every reading): what only the
// person changes.
std::string written_by_the_person(const NotebookDocument& document) {
  auto cells = nlohmann::json::parse(document.to_json(), nullptr, false)
                   .value("cells", nlohmann::json::array());
  for (auto& cell : cells) {
    for (const auto* key : {"id", "outputs", "execution_count", "metadata"}) cell.erase(key);
  }
  return cells.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// One run: the document in memory, the session whose kernel runs it, and what was saved when.
class NotebookRun {
 public:
  NotebookRun(const World& world, JupyterClient& client, Place place, NotebookDocument document,
              const RunEvents& events)
      : world_(world),
        client_(client),
        place_(std::move(place)),
        document_(std::move(document)),
        events_(events),
        unchanged_(written_by_the_person(document_)),
        saved_(world.clock.now()) {}

  Result<RunReport> all_cells(const SessionModel& session, const Wait& wait) {
    auto kernel = TRY(client_.connect(session.kernel.id, wait));
    const auto cells = document_.code_cells();
    RunReport report{.cells = cells.size()};
    for (const auto& cell : cells) {
      events_.on_cell(report.done, report.cells, first_line(cell.source));
      if (cell.skip || trimmed(cell.source).empty()) {
        ++report.done;
        continue;
      }
      auto result = one_cell(*kernel, session.kernel.id, cell, report, wait);
      if (!result) {
        TRY(save());  // what was computed until here is the person's
        return std::unexpected(std::move(result).error());
      }
      document_.set_execution_count(cell.index, result->execution_count);
      if (result->status != "ok" && !(cell.raises_exception && !report.interrupted)) {
        report.failed_cell = report.done + 1;
        report.error_name = result->error_name;
        report.error_value = result->error_value;
        report.traceback = result->traceback;
        break;
      }
      ++report.done;
      if (world_.clock.now() - saved_ >= save_at_most_every) TRY(save());
    }
    TRY(save());
    if (!report.failed_cell) events_.on_cell(report.done, report.cells, {});
    return report;
  }

 private:
  Result<ExecuteResult> one_cell(KernelConnection& kernel, const std::string& kernel_id,
                                 const CodeCell& cell, RunReport& report, const Wait& wait) {
    bool clear_at_next = false;
    ExecuteEvents events;
    events.on_output = [&](std::string_view output) {
      if (std::exchange(clear_at_next, false)) document_.clear_outputs(cell.index);
      (void)document_.add_output(cell.index, output);  // an output that is none is left out
      events_.on_output(output);
    };
    events.on_update_display = [&](std::string_view content) {
      (void)document_.update_display(content);
    };
    events.on_clear_output = [&](bool at_next) {
      if (at_next) {
        clear_at_next = true;
      } else {
        document_.clear_outputs(cell.index);
      }
    };
    auto result = kernel.execute(cell.source, true, events, wait);
    if (result || result.error().reason != Reason::interrupted) return result;
    report.interrupted = true;
    const auto patience = Wait::at_most(patience_after_interrupt);
    TRY(client_.interrupt(kernel_id, patience));
    auto finished = kernel.finish(events, patience);
    if (finished || finished.error().reason != Reason::timed_out) return finished;
    return ExecuteResult{.status = "aborted",
                         .error_name = "KeyboardInterrupt",
                         .error_value = "the cell did not heed it: its kernel is ended"};
  }

  // Only outputs are ours to write: a document that the person has changed meanwhile is left to
  // them.
  Result<> save() {
    const auto there = NotebookDocument::parse(TRY(place_.read(place_.name)));
    if (!there || written_by_the_person(*there) != unchanged_) {
      const auto stem = place_.name.substr(0, place_.name.size() - extension.size());
      const auto beside = stem + "-run" + std::string(extension);
      TRY(place_.write(beside, document_.to_json()));
      return fail({.what = fmt::format("{} was changed while it ran", place_.name),
                   .why = {},
                   .hint = fmt::format("your change is kept; the outputs are in {}", beside),
                   .reason = Reason::exists,
                   .trace = {}});
    }
    TRY(place_.write(place_.name, document_.to_json()));
    saved_ = world_.clock.now();
    return {};
  }

  const World& world_;
  JupyterClient& client_;
  Place place_;
  NotebookDocument document_;
  const RunEvents& events_;
  std::string unchanged_;  // without outputs
  Instant saved_;
};

}  // namespace

Result<RunReport> Workspaces::run_notebook(const WorkspaceRow& row,
                                           const std::filesystem::path& notebook,
                                           const RunEvents& events, const Wait& wait) {
  const auto inside = path_in_workspace(row, notebook);
  auto up = TRY(running(world_, journal_, row, wait));
  auto place = place_of(up.client, inside, notebook);
  auto document = NotebookDocument::parse(TRY(place.read(place.name)));
  if (!document) {
    return fail(
        std::move(document).error().while_doing(fmt::format("while reading {}", place.name)));
  }
  // A session of its own: what the person has in memory in JupyterLab is neither used nor changed.
  const auto session_path =
      fmt::format("{} (carrel run {})", inside.empty() ? notebook.filename().string() : inside,
                  hex(world_.random.bytes(4)));
  auto session = TRY(up.client.open_session(session_path, "python3", wait));
  for (const auto& cell : document->code_cells()) document->clear_outputs(cell.index);
  NotebookRun run(world_, up.client, std::move(place), std::move(*document), events);
  auto report = run.all_cells(session, wait);
  const auto ended = up.client.delete_session(session.id, Wait::at_most(patience_to_clean_up));
  if (report && !ended) return std::unexpected(ended.error());
  return report;
}

}  // namespace carrel
