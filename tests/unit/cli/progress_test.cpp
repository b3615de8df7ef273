#include "cli/progress.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "cli/show.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/fake_terminal.hpp"
#include "os/clock.hpp"
#include "os/terminal.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel::cli {
namespace {

using namespace std::chrono_literals;

constexpr Look narrow{.colours = false, .unicode = true, .width = 60};

// What is left on the screen: a line that was erased is gone.
std::string left_on_screen(const std::string& text) {
  std::string screen;
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 5, "\r\x1b[2K") == 0) {
      line.clear();
      i += 4;
    } else if (text[i] == '\n') {
      screen += line + "\n";
      line.clear();
    } else {
      line += text[i];
    }
  }
  return screen + line;
}

// Every line as it was drawn.
std::vector<std::string> drawn(const std::string& text) {
  std::vector<std::string> lines;
  for (const auto& piece : split(text, '\r')) {
    if (piece.starts_with("\x1b[2K")) {
      for (const auto& line : lines_of(piece.substr(4))) lines.push_back(line);
    }
  }
  return lines;
}

TEST(progress, a_terminal_keeps_one_line_a_phase) {
  FakeTerminal terminal;
  FakeClock clock;
  {
    auto progress = terminal_progress(terminal, clock, narrow);
    progress->begin("environment", "making the environment", 12s);
    progress->detail("resolving\nnumpy \x1b[2J");
    progress->note("data-2 is its name");
    progress->end("minimal: numpy");
    progress->begin("server", "starting Jupyter", std::nullopt);
    progress->close(ShownProgress::Outcome::failed);
  }
  EXPECT_EQ(left_on_screen(terminal.err_text),
            "• data-2 is its name\n"
            "✓ environment  minimal: numpy  0.0 s\n"
            "✗ server       starting Jupyter  0.0 s\n");
  EXPECT_EQ(terminal.out_text, "");
  EXPECT_EQ(terminal.err_text.find("\x1b[2J"), std::string::npos);
}

TEST(progress, the_live_line_has_the_usual_time_and_never_wraps) {
  FakeTerminal terminal;
  FakeClock clock;
  {
    auto progress = terminal_progress(terminal, clock, narrow);
    progress->begin("environment", "making the environment", 12s);
    progress->detail(std::string(200, 'x'));
    progress->detail("日本語日本語日本語日本語日本語日本語日本語日本語日本語");
  }
  const auto lines = drawn(terminal.err_text);
  ASSERT_GE(lines.size(), 3U);
  for (const auto& line : lines) {
    EXPECT_LT(display_width(line), 60U) << line;
    EXPECT_NE(line.find("0.0 s, usually 12 s"), std::string::npos) << line;
  }
  EXPECT_EQ(left_on_screen(terminal.err_text), "") << "an open phase leaves nothing behind";
}

TEST(progress, a_beginning_ends_the_phase_before) {
  FakeTerminal terminal;
  FakeClock clock;
  {
    auto progress = terminal_progress(terminal, clock, narrow);
    progress->begin("one", "first", std::nullopt);
    progress->begin("two", "second", std::nullopt);
    progress->close(ShownProgress::Outcome::done);
  }
  EXPECT_EQ(left_on_screen(terminal.err_text), "✓ one          0.0 s\n✓ two          0.0 s\n");
}

TEST(progress, the_clock_moves_while_the_work_is_silent) {
  class CountingTerminal final : public Terminal {
   public:
    std::promise<void> third;
    int lines = 0;
    bool output_is_terminal() const override { return true; }
    bool error_is_terminal() const override { return true; }
    bool can_ask() const override { return false; }
    bool colours() const override { return false; }
    int width() const override { return 80; }
    void out(std::string_view) override {}
    void err(std::string_view) override {
      if (++lines == 3) third.set_value();
    }
    Result<std::string> ask(std::string_view, const Wait&) override { return ""; }
    Result<Secret> ask_secret(std::string_view, const Wait&) override { return Secret(); }
    Result<std::string> read_input() override { return ""; }
  };
  CountingTerminal terminal;
  const SystemClock clock;
  auto drawn_again = terminal.third.get_future();
  auto progress = terminal_progress(terminal, clock, narrow);
  progress->begin("one", "first", std::nullopt);
  EXPECT_EQ(drawn_again.wait_for(30s), std::future_status::ready);
}

TEST(progress, elsewhere_each_phase_is_one_plain_line) {
  FakeTerminal terminal;
  FakeClock clock;
  {
    auto progress = plain_progress(terminal, clock);
    progress->begin("environment", "making the environment", 12s);
    progress->detail("not shown");
    progress->note("a note");
    clock.advance(200ms);
    progress->end("numpy \x1b[31mred\x1b[0m");
    progress->begin("server", "starting Jupyter", std::nullopt);
    progress->close(ShownProgress::Outcome::failed);
  }
  EXPECT_EQ(terminal.err_text,
            "note: a note\n"
            "environment: numpy red (0.2 s, usually 12 s)\n"
            "server: failed (0.0 s)\n");
}

TEST(progress, programs_get_one_object_a_line) {
  FakeTerminal terminal;
  FakeClock clock;
  {
    auto progress = json_progress(terminal, clock);
    progress->begin("environment", "making", 12s);
    clock.advance(1500ms);
    progress->detail("half\nway \xff");
    progress->note("a note");
    progress->end("done");
    progress->begin("server", "starting", std::nullopt);
    progress->close(ShownProgress::Outcome::failed);
  }
  EXPECT_EQ(terminal.err_text, "");
  std::vector<nlohmann::json> events;
  for (const auto& line : lines_of(terminal.out_text))
    events.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(events.size(), 6U);
  EXPECT_EQ(events[0],
            nlohmann::json::parse(R"({"event":"phase","phase":"environment","state":"begin",
      "title":"making","elapsed_ms":0,"usual_ms":12000})"));
  EXPECT_EQ(events[1]["text"], "half\nway \uFFFD");
  EXPECT_EQ(events[1]["elapsed_ms"], 1500);
  EXPECT_EQ(events[2], nlohmann::json::parse(R"({"event":"note","text":"a note"})"));
  EXPECT_EQ(events[3]["state"], "end");
  EXPECT_EQ(events[3]["result"], "done");
  EXPECT_TRUE(events[4]["usual_ms"].is_null());
  EXPECT_EQ(events[5]["state"], "failed");
}

}  // namespace
}  // namespace carrel::cli
