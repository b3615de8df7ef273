#include "base/error.hpp"
#include "cli/checks.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/machine_options.hpp"
#include "cli/show.hpp"
#include "workspace/check.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
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

Result<std::vector<Check>> checks_of(const CommandContext& context) {
  const auto place = context.given.value("--on");
  if (!place) return all_checks(context);
  const auto spec = TRY(machine_spec(context.given));
  auto workspaces = TRY(context.workspaces());
  auto checks = TRY(workspaces.checks(*place, spec, context.wait()));
  return checks.empty() ? all_checks(context) : checks;  // a place that needs what is here
}

Result<int> run_doctor(CommandContext& context) {
  const auto checks = TRY(checks_of(context));
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
                 (missing == 0   ? context.given.has("--on") ? "A machine can be had there.\n"
                                                             : "Carrel has what it needs here.\n"
                  : missing == 1 ? "One thing is missing.\n"
                                 : std::to_string(missing) + " things are missing.\n"));
  }
  return missing == 0 ? 0 : status_of(Exit::failed);
}

}  // namespace

Command doctor_command(const std::vector<std::string>& providers) {
  Command doctor{
      .name = "doctor",
      .group = "This computer",
      .summary = "say what this computer has, what is missing, and how to mend it",
      .options = {{.name = "--on",
                   .value = "PLACE",
                   .help = "look at this place, and at what a machine there needs",
                   .offers = Offers::providers,
                   .choices = providers}},
      .text =
          "Looks at Python, the GPU, the programs that Carrel can use, its folders and its "
          "journal, and changes "
          "nothing. The exit status is 1 when something that Carrel needs is missing.\n\n"
          "    carrel doctor\n\n"
          "With `--on` it looks at that place instead: whose credentials there are, whether "
          "they may launch a machine, what the machine needs and costs. Nothing is launched.\n\n"
          "    carrel doctor --on ec2 --gpu A10G",
      .run = run_doctor};
  std::ranges::move(machine_options(), std::back_inserter(doctor.options));
  doctor.options.push_back(json_option());
  return doctor;
}

}  // namespace carrel::cli
