#include "cli/parse.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/show.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Error.hpp>
#include <CLI/Formatter.hpp>

namespace carrel::cli {
namespace {

using Words = std::vector<std::string>;

// "carrel up --nmae x" with a mark under one word.
std::string marked(const Command& command, const Words& words, std::size_t position) {
  std::string line = "carrel " + command.name;
  std::string mark(display_width(line), ' ');
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto word = one_line(shell_quoted(words[i]));
    line += " " + word;
    if (i < position) mark += std::string(display_width(word) + 1, ' ');
    if (i == position) mark += " " + std::string(display_width(word), '^');
  }
  if (position >= words.size()) mark += " ^";
  return line + "\n" + mark;
}

std::unexpected<Error> bad(const Command& command, const Words& words, std::size_t position,
                           std::string what, std::string hint) {
  return fail({.what = std::move(what),
               .why = marked(command, words, position),
               .hint = std::move(hint),
               .exit = Exit::usage,
               .reason = Reason::other,
               .trace = {}});
}

std::string help_of(const Command& command) {
  return "carrel " + command.name + " --help";
}

std::string option_part(const std::string& word) {
  return word.substr(0, word.find('='));
}

const Option* option_named(const Command& command, const std::string& word) {
  const auto name = option_part(word);
  for (const auto& option : command.options) {
    if (option.name == name || (!option.letter.empty() && option.letter == name)) return &option;
  }
  return nullptr;
}

bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word.front() == '-';
}

Result<Given> unexpected_word(const Command& command, const Words& words, const std::string& word) {
  const auto place = static_cast<std::size_t>(std::ranges::find(words, word) - words.begin());
  if (!looks_like_option(word)) {
    const bool was_command = !command.rest.empty();
    return bad(command, words, place,
               command.arguments.empty() ? command.name + " takes no arguments"
                                         : "one argument too many: " + one_line(word),
               was_command ? "write `--` before the " + command.rest + ": " + help_of(command)
                           : help_of(command));
  }
  Words known;
  for (const auto& option : command.options) {
    if (!option.hidden) known.push_back(option.name);
  }
  known.emplace_back("--help");
  const auto near = nearest(option_part(word), known);
  return bad(
      command, words, place,
      "carrel " + command.name + " has no option " + one_line(option_part(word)),
      near ? "did you mean " + *near + "? All options: " + help_of(command) : help_of(command));
}

// What CLI11 lets pass: a flag with a value, and an option without one, which would swallow the
// next option.
Result<> check_values(const Command& command, const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto* option = option_named(command, words[i]);
    if (option == nullptr) continue;
    const bool attached = words[i].find('=') != std::string::npos;
    if (option->value.empty()) {
      if (attached)
        return bad(command, words, i, option->name + " takes no value", help_of(command));
      continue;
    }
    if (attached) continue;
    if (i + 1 == words.size() || option_named(command, words[i + 1]) != nullptr) {
      return bad(command, words, i, option->name + " needs a value: " + option->value,
                 help_of(command));
    }
    ++i;
  }
  return {};
}

// CLI11's own message says what is wrong, except for an option that is there twice: that is shown.
Result<Given> wrong_value(const Command& command, const Words& words, const std::string& message) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto* option = option_named(command, words[i]);
    if (option == nullptr) continue;
    const auto same = [&](const std::string& word) {
      return option_named(command, word) == option;
    };
    if (!option->value.empty() && std::ranges::count_if(words, same) > 1) {
      std::size_t last = words.size() - 1;
      while (!same(words[last])) --last;
      return bad(command, words, last, option->name + " is there twice", help_of(command));
    }
  }
  return usage_error("the command line was not understood: " + message, help_of(command));
}

}  // namespace

Result<const Command*> find_command(const std::vector<Command>& commands, const std::string& word) {
  Words names;
  for (const auto& command : commands) {
    if (command.name == word) return &command;
    if (!command.hidden) names.push_back(command.name);
  }
  if (looks_like_option(word)) {
    return usage_error("no option " + one_line(word) + " before a command",
                       "options follow the command: carrel COMMAND " + shell_quoted(word));
  }
  const auto near = nearest(word, names);
  return usage_error("there is no command " + one_line(shell_quoted(word)),
                     near ? "did you mean `carrel " + *near + "`? All commands: carrel --help"
                          : "all commands: carrel --help");
}

bool wants_help(const Words& words) {
  const auto end = std::ranges::find(words, "--");
  return std::any_of(words.begin(), end,
                     [](const auto& word) { return word == "--help" || word == "-h"; });
}

Result<Given> parse(const Command& command, const Words& all) {
  const auto end = std::ranges::find(all, "--");
  const Words words(all.begin(), end);
  Given given;
  if (end != all.end()) given.rest.assign(end + 1, all.end());

  TRY(check_values(command, words));

  std::deque<std::string> texts;  // CLI11 keeps references to them
  std::deque<bool> flags;
  std::deque<Words> lists;
  CLI::App app;
  std::vector<std::pair<const Option*, CLI::Option*>> options;
  std::vector<std::pair<const Argument*, CLI::Option*>> arguments;
  Words extras;
  try {
    app.set_help_flag();
    app.allow_extras();
    app.allow_windows_style_options(false);
    for (const auto& option : command.options) {
      const auto name = option.letter.empty() ? option.name : option.letter + "," + option.name;
      options.emplace_back(&option, option.value.empty()
                                        ? app.add_flag(name, flags.emplace_back(false))
                                        : app.add_option(name, texts.emplace_back())->expected(1));
    }
    if (command.arguments.size() == 1) {
      auto* option = app.add_option(command.arguments.front().name, lists.emplace_back());
      option->expected(0, CLI::detail::expected_max_vector_size);
      arguments.emplace_back(&command.arguments.front(), option);
    }
    app.parse(Words(words.rbegin(), words.rend()));
    extras = app.remaining();
  } catch (const CLI::Error& error) {
    return wrong_value(command, words, error.what());
  }
  // Several arguments have a word each.
  for (std::size_t i = 0; command.arguments.size() > 1 && i < command.arguments.size(); ++i) {
    if (extras.empty() || extras.front().starts_with('-')) break;
    given.arguments[command.arguments[i].name] = {extras.front()};
    extras.erase(extras.begin());
  }
  if (!extras.empty()) return unexpected_word(command, words, extras.front());

  for (std::size_t i = 0, flag = 0, text = 0; i < options.size(); ++i) {
    const auto* option = options[i].first;
    const bool there = options[i].second->count() > 0;
    if (option->value.empty()) {
      if (flags[flag++]) given.options[option->name] = "";
    } else {
      const auto& value = texts[text++];
      if (there) given.options[option->name] = value;
    }
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].second->count() > 0) given.arguments[arguments[i].first->name] = lists[i];
  }
  for (const auto& argument : command.arguments) {
    const auto values = given.all(argument.name);
    if (!argument.many && values.size() > 1) return unexpected_word(command, words, values[1]);
    if (argument.required && given.one(argument.name).empty()) {
      return bad(command, all, words.size(), argument.name + " is missing: " + argument.help,
                 help_of(command));
    }
  }
  if (command.rest.empty() && !given.rest.empty()) {
    // Names that begin with '-' may follow "--".
    if (command.arguments.size() == 1 && command.arguments.front().many) {
      auto& list = given.arguments[command.arguments.front().name];
      list.insert(list.end(), given.rest.begin(), given.rest.end());
      given.rest.clear();
    } else {
      return bad(command, all, words.size(), command.name + " takes nothing after `--`",
                 help_of(command));
    }
  }
  if (!command.rest.empty() && !command.rest.starts_with('[') && given.rest.empty()) {
    return bad(command, all, all.size(),
               "nothing to do: " + command.rest + " is missing after `--`", help_of(command));
  }
  return given;
}

}  // namespace carrel::cli
