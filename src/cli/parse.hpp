// Words of a command line into what a command was given. CLI11 does it, in parse.cpp only.
//
// Errors are Exit::usage: they show the line with a mark under the word that is wrong, and name the
// nearest option or command.
#pragma once

#include "base/error.hpp"
#include "cli/command.hpp"

#include <string>
#include <vector>

namespace carrel::cli {

Result<const Command*> find_command(const std::vector<Command>& commands, const std::string& word);

// `words`: what follows the command's name. --help is not known here: `wants_help` is asked before.
Result<Given> parse(const Command& command, const std::vector<std::string>& words);

// --help or -h before any "--".
bool wants_help(const std::vector<std::string>& words);

}  // namespace carrel::cli
