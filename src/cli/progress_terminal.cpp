#include "base/text.hpp"
#include "cli/live_line.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "os/clock.hpp"
#include "os/terminal.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace carrel::cli {
namespace {

constexpr std::array spinner{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr std::array plain_spinner{"|", "/", "-", "\\"};
constexpr std::size_t name_width = 11;  // "environment"

std::string padded(std::string_view name) {
  const auto width = display_width(name);
  return std::string(name) + std::string(width < name_width ? name_width - width : 0, ' ');
}

class TerminalProgress final : public ShownProgress {
 public:
  TerminalProgress(Terminal& terminal, const Clock& clock, Look look)
      : clock_(clock),
        look_(look),
        line_(terminal, [this](std::size_t frame) { return draw(frame); }) {}

  void begin(std::string_view name, std::string_view title,
             std::optional<std::chrono::milliseconds> usual) override {
    end({});
    line_.update([&] {
      phase_ = Phase{.name = one_line(name),
                     .title = one_line(title),
                     .detail = {},
                     .usual = usual,
                     .since = clock_.now()};
    });
  }
  void detail(std::string_view text) override {
    line_.update([&] {
      if (phase_) phase_->detail = one_line(text);
    });
  }
  void end(std::string_view result) override {
    if (phase_) {
      finish(styled(look_.unicode ? "✓" : "+", Style::green, look_), one_line(result),
             Style::plain);
    }
  }
  void note(std::string_view text) override {
    line_.above(styled(look_.unicode ? "•" : "*", Style::yellow, look_) + " " + one_line(text) +
                "\n");
  }
  void above(const std::function<void()>& write) override { line_.above({}, write); }
  void close(Outcome outcome) override {
    if (outcome == Outcome::done) {
      end({});
    } else if (phase_) {
      finish(styled(look_.unicode ? "✗" : "x", Style::red, look_), phase_->title, Style::plain);
    }
  }

 private:
  struct Phase {
    std::string name;
    std::string title;
    std::string detail;
    std::optional<std::chrono::milliseconds> usual;
    Instant since;
  };

  std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - phase_->since);
  }

  // Leaves room for the time at the end, which is never cut.
  std::string row(std::string_view mark, std::string_view text, Style style,
                  std::string_view time) const {
    const auto room = static_cast<std::size_t>(std::max(look_.width - 1, 20));
    const auto fixed =
        2 + std::max(name_width, display_width(phase_->name)) + 2 + 2 + display_width(time);
    const auto shown = cut(text, room > fixed ? room - fixed : 0, look_);
    return std::string(mark) + " " + padded(phase_->name) + (shown.empty() ? "" : "  ") +
           styled(shown, style, look_) + "  " + styled(time, Style::dim, look_);
  }

  std::string draw(std::size_t frame) const {
    if (!phase_) return {};
    auto time = duration_text(elapsed());
    if (phase_->usual) time += ", usually " + duration_text(*phase_->usual);
    const auto* mark = look_.unicode ? spinner.at(frame % spinner.size())
                                     : plain_spinner.at(frame % plain_spinner.size());
    const auto& text = phase_->detail.empty() ? phase_->title : phase_->detail;
    return row(styled(mark, Style::yellow, look_), text, Style::plain, time);
  }

  void finish(const std::string& mark, std::string_view text, Style style) {
    const auto line = row(mark, text, style, duration_text(elapsed())) + "\n";
    line_.above(line, [&] { phase_.reset(); });
  }

  const Clock& clock_;
  Look look_;
  std::optional<Phase> phase_;  // changed under line_'s lock, by this object's one caller
  LiveLine line_;               // last: its thread reads the others
};

}  // namespace

std::unique_ptr<ShownProgress> terminal_progress(Terminal& terminal, const Clock& clock,
                                                 Look look) {
  return std::make_unique<TerminalProgress>(terminal, clock, look);
}

}  // namespace carrel::cli
