#include "cli/progress.hpp"

#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/json.hpp"
#include "cli/show.hpp"
#include "os/clock.hpp"
#include "os/terminal.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace carrel::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

class PlainProgress final : public ShownProgress {
 public:
  PlainProgress(Terminal& terminal, const Clock& clock, std::string_view of)
      : terminal_(terminal), clock_(clock), of_(of.empty() ? "" : std::string(of) + ": ") {}

  void begin(std::string_view name, std::string_view /*title*/,
             std::optional<milliseconds> usual) override {
    end({});
    name_ = one_line(name);
    usual_ = usual;
    since_ = clock_.now();
  }
  void detail(std::string_view) override {}
  void end(std::string_view result) override {
    if (name_.empty()) return;
    const auto text = one_line(result);
    terminal_.err(of_ + name_ + ": " + (text.empty() ? "done" : text) + elapsed());
    name_.clear();
  }
  void note(std::string_view text) override {
    terminal_.err("note: " + of_ + one_line(text) + "\n");
  }
  void close(Outcome outcome) override {
    if (outcome == Outcome::failed && !name_.empty()) {
      terminal_.err(of_ + name_ + ": failed" + elapsed());
      name_.clear();
    }
    end({});
  }

 private:
  std::string elapsed() const {
    const auto took = duration_text(duration_cast<milliseconds>(clock_.now() - since_));
    return " (" + took + (usual_ ? ", usually " + duration_text(*usual_) : "") + ")\n";
  }

  Terminal& terminal_;
  const Clock& clock_;
  std::string of_;
  std::string name_;  // "" between phases
  std::optional<milliseconds> usual_;
  Instant since_;
};

class JsonProgress final : public ShownProgress {
 public:
  JsonProgress(Terminal& terminal, const Clock& clock, std::string_view of)
      : terminal_(terminal), clock_(clock), of_(of) {}

  void begin(std::string_view name, std::string_view title,
             std::optional<milliseconds> usual) override {
    end({});
    name_ = name;
    usual_ = usual;
    since_ = clock_.now();
    tell("begin", title);
  }
  void detail(std::string_view text) override {
    if (!name_.empty()) tell("detail", text);
  }
  void end(std::string_view result) override {
    if (name_.empty()) return;
    tell("end", result);
    name_.clear();
  }
  void note(std::string_view text) override { terminal_.out(note_event(text, of_)); }
  void close(Outcome outcome) override {
    if (outcome == Outcome::failed && !name_.empty()) {
      tell("failed", "");
      name_.clear();
    }
    end({});
  }

 private:
  void tell(std::string_view state, std::string_view text) {
    terminal_.out(phase_event({.name = name_,
                               .state = std::string(state),
                               .text = std::string(text),
                               .elapsed = duration_cast<milliseconds>(clock_.now() - since_),
                               .usual = usual_,
                               .of = of_}));
  }

  Terminal& terminal_;
  const Clock& clock_;
  std::string of_;
  std::string name_;  // "" between phases
  std::optional<milliseconds> usual_;
  Instant since_;
};

}  // namespace

std::unique_ptr<ShownProgress> plain_progress(Terminal& terminal, const Clock& clock,
                                              std::string_view of) {
  return std::make_unique<PlainProgress>(terminal, clock, of);
}

std::unique_ptr<ShownProgress> json_progress(Terminal& terminal, const Clock& clock,
                                             std::string_view of) {
  return std::make_unique<JsonProgress>(terminal, clock, of);
}

bool has_live_line(const CommandContext& context) {
  // A dumb terminal (Emacs' shell, a serial line) cannot erase a line.
  return !context.json() && context.world.terminal.error_is_terminal() &&
         context.variable("TERM") != "dumb";
}

std::unique_ptr<ShownProgress> progress_for(const CommandContext& context) {
  auto& terminal = context.world.terminal;
  if (context.json()) return json_progress(terminal, context.world.clock);
  if (!has_live_line(context)) return plain_progress(terminal, context.world.clock);
  const auto look = look_of(terminal, Output::err, context.world.environment);
  return terminal_progress(terminal, context.world.clock, look);
}

}  // namespace carrel::cli
