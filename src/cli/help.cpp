#include "cli/help.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/parse.hpp"
#include "cli/show.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

constexpr std::size_t most_columns = 88;

// `x` in bold; without colours the marks stay.
std::string emphasised(std::string_view text, const Look& look) {
  if (!look.colours) return std::string(text);
  const auto parts = split(text, '`');
  std::string result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    result += styled(parts[i], i % 2 == 1 ? Style::bold : Style::plain, look);
  }
  return result;
}

std::string wrapped(std::string_view text, std::size_t indent, const Look& look) {
  const auto width = std::min(most_columns, static_cast<std::size_t>(std::max(look.width, 40))) - 1;
  std::string result;
  std::string current;
  for (const auto& word : split(text, ' ')) {
    if (word.empty()) continue;
    if (!current.empty() && indent + display_width(current) + 1 + display_width(word) > width) {
      result += (result.empty() ? "" : "\n" + std::string(indent, ' ')) + current;
      current.clear();
    }
    current += (current.empty() ? "" : " ") + word;
  }
  return result + (result.empty() ? "" : "\n" + std::string(indent, ' ')) + current;
}

// Two columns: what to type, and what it means.
std::string definitions(const std::vector<std::pair<std::string, std::string>>& rows,
                        const Look& look) {
  std::size_t width = 0;
  for (const auto& [head, text] : rows) width = std::max(width, display_width(head));
  width = std::min(width, std::size_t{26});
  std::string result;
  for (const auto& [head, text] : rows) {
    const auto own = display_width(head);
    result += "  " + styled(head, Style::bold, look);
    result += own > width ? "\n" + std::string(width + 4, ' ') : std::string(width - own + 2, ' ');
    result += emphasised(wrapped(text, width + 4, look), look) + "\n";
  }
  return result;
}

std::string heading(std::string_view text, const Look& look) {
  return "\n" + styled(text, Style::bold, look) + "\n";
}

Result<int> run_help(CommandContext& context) {
  auto& terminal = context.world.terminal;
  const auto look = look_of(terminal, Output::out, context.world.environment);
  if (context.given.has("--man")) {
    terminal.out(man_page(context.commands));
    return 0;
  }
  if (context.given.has("--index")) {
    terminal.out(markdown_index(context.commands));
    return 0;
  }
  const auto name = context.given.one("COMMAND");
  if (name.empty()) {
    terminal.out(short_help(context.commands, look));
    return 0;
  }
  const auto* command = TRY(find_command(context.commands, name));
  terminal.out(context.given.has("--markdown") ? markdown_page(*command)
                                               : help_text(*command, look));
  return 0;
}

}  // namespace

std::vector<Block> blocks_of(std::string_view text) {
  std::vector<Block> blocks;
  bool open = false;
  for (const auto& line : lines_of(text)) {
    if (trimmed(line).empty()) {
      open = false;
      continue;
    }
    const bool literal = line.starts_with("    ");
    if (!open || blocks.back().literal != literal) {
      blocks.push_back({.literal = literal, .text = {}});
    } else {
      blocks.back().text += literal ? "\n" : " ";
    }
    blocks.back().text += literal ? line.substr(4) : line;
    open = true;
  }
  return blocks;
}

std::string usage_line(const Command& command) {
  std::string line = "carrel " + command.name;
  const bool has_options =
      std::ranges::any_of(command.options, [](const Option& option) { return !option.hidden; });
  if (has_options) line += " [OPTIONS]";
  for (const auto& argument : command.arguments) {
    const auto name = argument.name + (argument.many ? "..." : "");
    line += argument.required ? " " + name : " [" + name + "]";
  }
  if (command.rest.starts_with('[')) {
    line += " [-- " + command.rest.substr(1);
  } else if (!command.rest.empty()) {
    line += " -- " + command.rest;
  }
  return line;
}

std::string option_head(const Option& option) {
  return (option.letter.empty() ? "" : option.letter + ", ") + option.name +
         (option.value.empty() ? "" : " " + option.value);
}

std::string help_text(const Command& command, const Look& look) {
  auto result = styled("carrel " + command.name, Style::bold, look) + ": " + command.summary + "\n";
  result += heading("Usage", look) + "  " + usage_line(command) + "\n";
  std::vector<std::pair<std::string, std::string>> rows;
  rows.reserve(command.arguments.size());
  for (const auto& argument : command.arguments) rows.emplace_back(argument.name, argument.help);
  if (!rows.empty()) result += heading("Arguments", look) + definitions(rows, look);
  rows.clear();
  for (const auto& option : command.options) {
    if (!option.hidden) rows.emplace_back(option_head(option), option.help);
  }
  rows.emplace_back("-h, --help", "show this");
  result += heading("Options", look) + definitions(rows, look);
  for (const auto& block : blocks_of(command.text)) {
    result += "\n";
    if (block.literal) {
      for (const auto& line : lines_of(block.text)) result += "    " + line + "\n";
    } else {
      result += emphasised(wrapped(block.text, 0, look), look) + "\n";
    }
  }
  return result;
}

std::string short_help(const std::vector<Command>& commands, const Look& look) {
  auto result = styled("carrel", Style::bold, look) +
                ": a notebook for deep learning, from one command to a cell that has run\n"
                "\n  carrel up           a notebook of the current folder\n"
                "  carrel stop         when you are done\n";
  std::vector<std::string> groups;
  for (const auto& command : commands) {
    if (!command.hidden && std::ranges::find(groups, command.group) == groups.end()) {
      groups.push_back(command.group);
    }
  }
  for (const auto& group : groups) {
    result += heading(group, look);
    for (const auto& command : commands) {
      if (command.hidden || command.group != group) continue;
      result += "  " + styled(command.name, Style::bold, look) +
                std::string(command.name.size() < 12 ? 12 - command.name.size() : 1, ' ') +
                command.summary + "\n";
    }
  }
  return result + "\n`carrel COMMAND --help` says more; `carrel --version` prints the version.\n";
}

Command help_command() {
  return {
      .name = "help",
      .group = "Carrel",
      .summary = "say more about a command",
      .arguments = {{.name = "COMMAND", .help = "a command's name", .offers = Offers::commands}},
      .options = {{.name = "--man", .help = "the man page", .hidden = true},
                  {.name = "--markdown", .help = "a page of docs/reference", .hidden = true},
                  {.name = "--index", .help = "docs/reference/README.md", .hidden = true}},
      .text = {},
      .run = run_help,
      .hidden = true};
}

}  // namespace carrel::cli
