// From a command line to an exit status.
#pragma once

#include "cli/command.hpp"

#include <string>
#include <vector>

namespace carrel::cli {

// `words`: argv without the program. Never throws: what a bug throws becomes an error that says so.
int run_program(const World& world, const std::vector<Command>& commands,
                const std::vector<std::string>& words);

}  // namespace carrel::cli
