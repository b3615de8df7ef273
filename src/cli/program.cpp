#include "cli/program.hpp"

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/parse.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "cli/version.hpp"

#include <algorithm>
#include <exception>
#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

Result<int> run_words(const World& world, const std::vector<Command>& commands,
                      const std::string& word, const std::vector<std::string>& others,
                      Given& given) {
  const auto look = look_of(world.terminal, Output::out, world.environment);
  if (word == "--help" || word == "-h") {
    world.terminal.out(short_help(commands, look));
    return 0;
  }
  if (word == "--version" || word == "-V") {
    world.terminal.out("carrel " + std::string(version) + "\n");
    return 0;
  }
  const auto* command = TRY(find_command(commands, word));
  if (wants_help(others)) {
    world.terminal.out(help_text(*command, look));
    return 0;
  }
  auto parsed = parse(*command, others);
  if (!parsed) {
    // So that a program that asked for JSON is told in JSON.
    const auto end = std::ranges::find(others, "--");
    if (std::find(others.begin(), end, "--json") != end) given.options["--json"] = "";
    return std::unexpected(std::move(parsed).error());
  }
  given = std::move(*parsed);
  CommandContext context{.world = world, .given = given, .commands = commands};
  return command->run(context);
}

}  // namespace

int run_program(const World& world, const std::vector<Command>& commands,
                const std::vector<std::string>& words) {
  Given given;
  const CommandContext context{.world = world, .given = given, .commands = commands};
  try {
    if (words.empty()) {
      world.terminal.out(
          short_help(commands, look_of(world.terminal, Output::out, world.environment)));
      return 0;
    }
    const auto status =
        run_words(world, commands, words.front(), {words.begin() + 1, words.end()}, given);
    return status ? *status : report(context, status.error());
  } catch (const std::exception& bug) {
    return report(context, {.what = "something went wrong inside Carrel",
                            .why = bug.what(),
                            .hint = "please report this, with the command that you gave",
                            .exit = Exit::failed,
                            .reason = Reason::other,
                            .trace = {}});
  }
}

}  // namespace carrel::cli
