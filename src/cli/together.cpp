#include "cli/together.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "cli/command.hpp"
#include "cli/progress.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "os/terminal.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel::cli {
namespace {

// On a terminal one live line for all; elsewhere the lines or events of each, with its name.
// Thread-safe.
class Screen {
 public:
  Screen(const CommandContext& context, std::size_t all) : context_(context), all_(all) {
    if (!has_live_line(context)) return;
    line_ = progress_for(context);
    line_->begin("workspaces", fmt::format("starting {} workspaces", all), std::nullopt);
  }
  ~Screen() {
    if (!line_) return;
    if (up_ == all_) line_->end(fmt::format("{} are up", up_));
    line_->close(ShownProgress::Outcome::failed);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  std::unique_ptr<ShownProgress> lines_of(std::string_view name) const {
    auto& terminal = context_.world.terminal;
    if (line_) return nullptr;
    return context_.json() ? json_progress(terminal, context_.world.clock, name)
                           : plain_progress(terminal, context_.world.clock, name);
  }
  // `lines`: as lines_of made them.
  template <class Tell>
  void tell(const std::unique_ptr<ShownProgress>& lines, const Tell& tell_lines) {
    const std::scoped_lock lock(mutex_);
    if (lines) tell_lines(*lines);
  }
  void now(const std::string& name, std::string_view doing) {
    const std::scoped_lock lock(mutex_);
    if (!line_) return;
    doing_[name] = doing;
    latest_ = name;
    show();
  }
  void note(const std::string& name, std::string_view text) {
    const std::scoped_lock lock(mutex_);
    if (line_) line_->note(fmt::format("{}: {}", name, text));
  }
  void is_up(const std::string& name, const std::unique_ptr<ShownProgress>& lines,
             std::string_view text) {
    const std::scoped_lock lock(mutex_);
    if (lines) lines->close(ShownProgress::Outcome::done);
    write([&] { context_.world.terminal.out(text); });
    ++up_;
    doing_.erase(name);
    show();
  }
  void failed(const std::string& name, const std::unique_ptr<ShownProgress>& lines,
              const Error& error) {
    const std::scoped_lock lock(mutex_);
    if (lines) lines->close(ShownProgress::Outcome::failed);
    const bool is_interrupt = error.reason == Reason::interrupted;
    if (!is_interrupt || !std::exchange(interrupted_, true)) {
      write([&] {
        if (line_) context_.world.terminal.err(cross(name));
        status_ = worst(status_, report(context_, error, name));
      });
    }
    doing_.erase(name);
    show();
  }
  int status() {
    const std::scoped_lock lock(mutex_);
    return status_;
  }

 private:
  void write(const std::function<void()>& lines) {
    if (line_) {
      line_->above(lines);
    } else {
      lines();
    }
  }
  void show() {
    if (!line_) return;
    auto text = fmt::format("{} of {} are up", up_, all_);
    auto one = doing_.find(latest_);
    if (one == doing_.end()) one = doing_.begin();
    if (one != doing_.end()) text += fmt::format("; {}: {}", one->first, one->second);
    line_->detail(text);
  }
  std::string cross(const std::string& name) const {
    const auto look = look_of(context_.world.terminal, Output::err, context_.world.environment);
    const auto doing = doing_.find(name);
    return fmt::format("{} {}{}\n", styled(look.unicode ? "✗" : "x", Style::red, look), name,
                       doing == doing_.end() ? "" : ": " + one_line(doing->second));
  }

  const CommandContext& context_;
  const std::size_t all_;
  std::mutex mutex_;
  std::unique_ptr<ShownProgress> line_;
  std::map<std::string, std::string> doing_;  // by name
  std::string latest_;                        // whose phase or detail is the newest
  std::size_t up_ = 0;
  bool interrupted_ = false;
  int status_ = 0;
};

// What one workspace says. One thread.
class Said final : public Progress {
 public:
  Said(Screen& screen, std::string name)
      : screen_(screen), name_(std::move(name)), lines_(screen.lines_of(name_)) {}

  void begin(std::string_view name, std::string_view title,
             std::optional<std::chrono::milliseconds> usual) override {
    screen_.tell(lines_, [&](Progress& lines) { lines.begin(name, title, usual); });
    screen_.now(name_, title);
  }
  void detail(std::string_view text) override {
    screen_.tell(lines_, [&](Progress& lines) { lines.detail(text); });
    screen_.now(name_, text);
  }
  void end(std::string_view result) override {
    screen_.tell(lines_, [&](Progress& lines) { lines.end(result); });
  }
  void note(std::string_view text) override {
    screen_.tell(lines_, [&](Progress& lines) { lines.note(text); });
    screen_.note(name_, text);
  }
  void finish(const Result<std::string>& result) {
    if (result) {
      screen_.is_up(name_, lines_, *result);
    } else {
      screen_.failed(name_, lines_, result.error());
    }
  }

 private:
  Screen& screen_;
  std::string name_;
  std::unique_ptr<ShownProgress> lines_;
};

}  // namespace

int for_each_at_once(const CommandContext& context, const Selection& selection, std::size_t threads,
                     const ActAtOnce& act) {
  int status = 0;
  for (const auto& [name, error] : selection.missing) {
    status = worst(status, report(context, error));
  }
  const auto& rows = selection.rows;
  Screen screen(context, rows.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> over = false;
  std::vector<std::exception_ptr> bugs(threads);
  const auto work = [&](std::size_t thread) noexcept {
    try {
      for (auto turn = next++; turn < rows.size() && !over; turn = next++) {
        Said said(screen, rows[turn].name.text());
        const auto result = act(thread, rows[turn], said);
        if (!result && result.error().reason == Reason::interrupted) over = true;
        said.finish(result);
      }
    } catch (...) {
      bugs[thread] = std::current_exception();
      over = true;
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
    work(0);
  }
  for (const auto& bug : bugs) {
    if (bug) std::rethrow_exception(bug);
  }
  return worst(status, screen.status());
}

}  // namespace carrel::cli
