// What the program says about itself, from the table of commands: for a terminal, as a man page, as
// Markdown. Pure.
#pragma once

#include "cli/command.hpp"
#include "cli/show.hpp"

#include <string>
#include <vector>

namespace carrel::cli {

// A command's text in pieces: a paragraph (one long line) or lines to show as they are.
struct Block {
  bool literal = false;
  std::string text;
};
std::vector<Block> blocks_of(std::string_view text);

std::string usage_line(const Command& command);  // "carrel up [OPTIONS] [FOLDER]"
std::string option_head(const Option& option);   // "-f, --follow", "    --port PORT"
std::string help_text(const Command& command, const Look& look);
std::string short_help(const std::vector<Command>& commands, const Look& look);

std::string man_page(const std::vector<Command>& commands);        // man(7) macros
std::string markdown_page(const Command& command);                 // docs/reference/NAME.md
std::string markdown_index(const std::vector<Command>& commands);  // docs/reference/README.md

}  // namespace carrel::cli
