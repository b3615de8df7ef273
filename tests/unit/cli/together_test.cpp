#include "cli/together.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/select.hpp"
#include "unit/cli/fake_world.hpp"
#include "workspace/journal.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel::cli {
namespace {

using Lines = std::vector<std::string>;

class Together : public testing::Test, protected FakeWorld {
 protected:
  Together() {
    world.environment = {{"LANG", "C.UTF-8"}};
    terminal.err_terminal = false;
    terminal.out_terminal = false;
  }

  int start(std::size_t count, std::size_t threads, const ActAtOnce& act) {
    Selection selection;
    for (std::size_t i = 0; i < count; ++i) {
      selection.rows.push_back({.id = WorkspaceId::make({}, random.bytes(10)),
                                .name = WorkspaceName::parse("w" + std::to_string(i)).value()});
    }
    const CommandContext context{.world = world, .given = given, .commands = commands};
    return for_each_at_once(context, selection, threads, act);
  }

  static Result<std::string> comes_up(const WorkspaceRow& row, Progress& progress) {
    const auto name = row.name.text();
    progress.begin("server", "starting Jupyter", std::nullopt);
    for (int i = 0; i < 20; ++i) progress.detail("it is starting");
    progress.note("a note");
    progress.end("an address");
    return name + " is up\n  " + name + " stop\n";
  }
  static Error lost(std::string what, Reason reason = Reason::other, Exit exit = Exit::failed) {
    return {.what = std::move(what), .exit = exit, .reason = reason};
  }

  Given given;
  std::vector<Command> commands;
};

TEST_F(Together, each_is_started_once_on_as_many_threads_as_were_given) {
  std::barrier all_there(4);
  std::vector<std::atomic<int>> turns(4);
  std::set<std::string> started;
  std::mutex mutex;
  const auto status =
      start(40, 4, [&](std::size_t thread, const WorkspaceRow& row, Progress& progress) {
        if (turns.at(thread)++ == 0) all_there.arrive_and_wait();
        {
          const std::scoped_lock lock(mutex);
          EXPECT_TRUE(started.insert(row.name.text()).second);
        }
        return comes_up(row, progress);
      });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(started.size(), 40U);
}

TEST_F(Together, what_each_says_comes_whole_and_with_its_name) {
  start(40, 8, [](std::size_t, const WorkspaceRow& row, Progress& progress) {
    return comes_up(row, progress);
  });
  const auto out = lines_of(terminal.out_text);
  ASSERT_EQ(out.size(), 80U);
  for (std::size_t i = 0; i < out.size(); i += 2) {
    const auto name = out[i].substr(0, out[i].find(' '));
    EXPECT_EQ(out[i], name + " is up");
    EXPECT_EQ(out[i + 1], "  " + name + " stop");
  }
  auto err = lines_of(terminal.err_text);
  ASSERT_EQ(err.size(), 80U);
  for (const auto* line : {"note: w7: a note", "w7: server: an address (0.0 s)"}) {
    EXPECT_EQ(std::ranges::count(err, line), 1) << line;
  }
}

TEST_F(Together, on_a_terminal_one_line_moves_below_what_is_whole) {
  terminal.err_terminal = true;
  terminal.out_terminal = true;
  start(40, 8, [](std::size_t, const WorkspaceRow& row, Progress& progress) {
    return comes_up(row, progress);
  });
  Lines left;
  for (const auto& line : lines_of(terminal.screen)) {
    const auto erased = line.rfind("\r\x1b[2K");
    left.push_back(erased == std::string::npos ? line : line.substr(erased + 5));
  }
  EXPECT_EQ(std::ranges::count(left, "• w7: a note"), 1);
  EXPECT_EQ(left.back(), "✓ workspaces   40 are up  0.0 s");
  const auto up = std::ranges::find(left, "w7 is up");
  ASSERT_NE(up, left.end());
  EXPECT_EQ(*(up + 1), "  w7 stop");
  EXPECT_EQ(left.size(), 40U + 80U + 1U) << "notes, two lines each, the sum";
}

TEST_F(Together, programs_find_the_name_in_each_event) {
  given.options["--json"] = "";
  start(20, 8, [](std::size_t, const WorkspaceRow& row, Progress& progress) -> Result<std::string> {
    (void)comes_up(row, progress);
    if (row.name.text() == "w3") return fail(lost("w3 is lost"));
    return R"({"event":"ready","name":")" + row.name.text() + "\"}\n";
  });
  std::map<std::string, Lines> events;
  for (const auto& line : lines_of(terminal.out_text)) {
    const auto event = nlohmann::json::parse(line);
    events[event.at("name")].push_back(event.at("event"));
  }
  ASSERT_EQ(events.size(), 20U);
  for (const auto& [name, of_one] : events) {
    EXPECT_EQ(of_one.size(), 1U + 20U + 3U);
    EXPECT_EQ(of_one.back(), name == "w3" ? "error" : "ready");
  }
}

TEST_F(Together, every_one_is_tried_each_error_is_told_and_the_worst_is_the_status) {
  std::atomic<int> tried = 0;
  const auto status = start(
      20, 8, [&](std::size_t, const WorkspaceRow& row, Progress& progress) -> Result<std::string> {
        ++tried;
        const auto name = row.name.text();
        if (name == "w3") progress.begin("server", "starting Jupyter", std::nullopt);
        if (name == "w3") return fail(lost("w3 is lost"));
        if (name == "w4") return fail(lost("w4 needs you", Reason::other, Exit::act));
        return comes_up(row, progress);
      });
  EXPECT_EQ(status, 3);
  EXPECT_EQ(tried, 20);
  EXPECT_NE(terminal.err_text.find("w3: server: failed (0.0 s)\ncarrel: w3 is lost"),
            std::string::npos)
      << terminal.err_text;
  EXPECT_NE(terminal.err_text.find("w4 needs you"), std::string::npos);
}

TEST_F(Together, an_interrupt_ends_all_and_is_told_once) {
  std::atomic<int> tried = 0;
  std::barrier all_there(8);
  const auto status =
      start(20, 8, [&](std::size_t, const WorkspaceRow&, Progress&) -> Result<std::string> {
        if (tried++ < 8) all_there.arrive_and_wait();
        return fail(lost("interrupted", Reason::interrupted));
      });
  EXPECT_EQ(status, 130);
  EXPECT_EQ(tried, 8);
  const auto lines = lines_of(terminal.err_text);
  EXPECT_EQ(
      std::ranges::count_if(
          lines, [](const auto& line) { return line.find("interrupted") != std::string::npos; }),
      1);
}

TEST_F(Together, a_bug_on_any_thread_is_the_callers) {
  std::barrier all_there(8);
  const auto act = [&](std::size_t thread, const WorkspaceRow&, Progress&) -> Result<std::string> {
    all_there.arrive_and_wait();
    if (thread == 5) throw std::runtime_error("a bug");
    return "";
  };
  EXPECT_THROW(start(8, 8, act), std::runtime_error);
}

}  // namespace
}  // namespace carrel::cli
