#include "base/error.hpp"
#include "cli/checks.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/show.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::cli {
namespace {

using State = Check::State;

std::string mark(State state, const Look& look) {
  switch (state) {
    case State::ok:
      return styled(look.unicode ? "✓" : "+", Style::green, look);
    case State::optional:
      return styled(look.unicode ? "•" : "-", Style::dim, look);
    case State::missing:
      break;
  }
  return styled(look.unicode ? "✗" : "x", Style::red, look);
}

std::string checks_text(const std::vector<Check>& checks, const Look& look) {
  std::size_t width = 0;
  for (const auto& check : checks) width = std::max(width, check.name.size());
  std::string text;
  for (const auto& check : checks) {
    text += mark(check.state, look) + " " + check.name +
            std::string(width - check.name.size() + 2, ' ') + check.found + "\n";
    if (!check.fix.empty() && check.state != State::ok) {
      const bool needed = check.state == State::missing;
      text += std::string(width + 4, ' ') + (needed ? "mend it: " : "to have it: ") +
              styled(check.fix, needed ? Style::bold : Style::dim, look) + "\n";
    }
  }
  return text;
}

Result<int> run_doctor(CommandContext& context) {
  const auto checks = all_checks(context);
  const auto missing = std::ranges::count(checks, State::missing, &Check::state);
  auto& terminal = context.world.terminal;
  if (context.json()) {
    std::vector<CheckJson> list;
    list.reserve(checks.size());
    for (const auto& check : checks) {
      list.push_back({.name = check.name,
                      .state = std::string(to_string(check.state)),
                      .found = check.found,
                      .fix = check.state == State::ok ? "" : check.fix});
    }
    terminal.out(checks_json(list, missing == 0));
  } else {
    terminal.out(checks_text(checks, look_of(terminal, Output::out, context.world.environment)) +
                 "\n" +
                 (missing == 0   ? "Carrel has what it needs here.\n"
                  : missing == 1 ? "One thing is missing.\n"
                                 : std::to_string(missing) + " things are missing.\n"));
  }
  return missing == 0 ? 0 : status_of(Exit::failed);
}

}  // namespace

Command doctor_command() {
  return {.name = "doctor",
          .group = "This computer",
          .summary = "say what this computer has, what is missing, and how to mend it",
          .options = {json_option()},
          .text =
              "Looks at Python, the GPU, the programs that Carrel can use, its folders and its "
              "journal, and changes "
              "nothing. The exit status is 1 when something that Carrel needs is missing.\n\n"
              "    carrel doctor",
          .run = run_doctor};
}

}  // namespace carrel::cli
