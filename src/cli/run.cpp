#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/live_line.hpp"
#include "cli/run_view.hpp"
#include "cli/show.hpp"
#include "os/clock.hpp"
#include "workspace/workspaces.hpp"

#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace carrel::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Shows how far a run has come; destroyed before anything else is written.
class RunView {
 public:
  explicit RunView(const CommandContext& context)
      : context_(context),
        look_(look_of(context.world.terminal, Output::err, context.world.environment)) {
    since_ = context.world.clock.now();
    if (!context.json() && context.world.terminal.error_is_terminal() &&
        context.variable("TERM") != "dumb") {
      line_ = std::make_unique<LiveLine>(
          context.world.terminal, [this](std::size_t) { return bar_text(at_, elapsed(), look_); });
    }
  }

  void cell(std::size_t done, std::size_t cells, std::string_view first_line) {
    const RunPoint next{.done = done, .cells = cells, .first_line = one_line(first_line)};
    if (context_.json()) {
      context_.world.terminal.out(cell_event(done, cells, first_line));
    } else if (line_) {
      line_->update([&] { at_ = next; });
    } else if (done < cells) {
      context_.world.terminal.err("cell " + std::to_string(done + 1) + " of " +
                                  std::to_string(cells) + ": " + next.first_line + "\n");
    }
  }
  void output(std::string_view output_json) {
    if (context_.json()) context_.world.terminal.out(output_event(output_json));
  }
  milliseconds elapsed() const {
    return duration_cast<milliseconds>(context_.world.clock.now() - since_);
  }
  void close() { line_.reset(); }

 private:
  const CommandContext& context_;
  Look look_;
  Instant since_;
  std::optional<RunPoint> at_;
  std::unique_ptr<LiveLine> line_;  // last: its thread reads the others
};

int show_report(const CommandContext& context, const std::string& notebook, const RunReport& report,
                milliseconds elapsed) {
  auto& terminal = context.world.terminal;
  const auto look = look_of(terminal, Output::err, context.world.environment);
  const auto status = report.interrupted   ? status_of(Exit::interrupted)
                      : report.failed_cell ? status_of(Exit::failed)
                                           : status_of(Exit::done);
  if (context.json()) return status;
  if (report.failed_cell) terminal.err(failure_text(report, look));
  terminal.out(report_line(notebook, report, elapsed) + "\n");
  return status;
}

Result<int> run_run(CommandContext& context) {
  const auto given = context.given.one("NOTEBOOK");
  std::error_code error;
  const auto notebook = fs::canonical(context.world.folder / given, error);
  if (error || !fs::is_regular_file(notebook, error)) {
    return usage_error("there is no notebook " + printable(given), "carrel run NOTEBOOK.ipynb");
  }
  auto workspaces = TRY(context.workspaces());
  const auto name = context.given.value("--in").value_or("");
  auto found = workspaces.find(name, name.empty() ? notebook.parent_path() : context.world.folder);
  if (!found && name.empty()) found.error().hint += "; --in NAME runs it in one of those";
  const auto row = TRY(std::move(found));
  RunView view(context);
  const RunEvents events{
      .on_cell = [&](std::size_t done, std::size_t cells,
                     std::string_view first_line) { view.cell(done, cells, first_line); },
      .on_output = [&](std::string_view output_json) { view.output(output_json); }};
  const auto report = workspaces.run_notebook(row, notebook, events, context.wait());
  view.close();
  if (!report) return std::unexpected(report.error());
  if (context.json()) context.world.terminal.out(run_event(row, notebook.string(), *report));
  return show_report(context, given, *report, view.elapsed());
}

}  // namespace

Command run_command() {
  return {
      .name = "run",
      .group = "Work",
      .summary = "run a notebook cell by cell and write its outputs back",
      .arguments = {{.name = "NOTEBOOK",
                     .help = "the notebook, inside a workspace's folder",
                     .required = true,
                     .offers = Offers::notebooks}},
      .options = {{.name = "--in",
                   .value = "NAME",
                   .help = "the workspace; by default that of the notebook's folder",
                   .offers = Offers::workspaces},
                  json_option()},
      .text =
          "Runs through the workspace's Jupyter, so an open page shows the same kernel. Outputs "
          "are written into the "
          "notebook, whole or not at all. The first cell that fails ends it: the traceback is "
          "shown, the exit "
          "status is 1. Ctrl-C interrupts the cell; what has run so far is written, and the status "
          "is 130.\n\n"
          "A cell tagged `raises-exception` may fail; one tagged `skip-execution` is left out.\n\n"
          "    carrel run train.ipynb\n"
          "    carrel run lessons/first.ipynb --in course --json",
      .run = run_run};
}

}  // namespace carrel::cli
