// Scripts that make a shell complete `carrel`, from the table of commands. Names of workspaces are
// asked of the program itself
// (`carrel ls --names`) when they are wanted. Pure.
#pragma once

#include "cli/command.hpp"

#include <string>
#include <vector>

namespace carrel::cli {

std::string bash_completion(const std::vector<Command>& commands);
std::string zsh_completion(const std::vector<Command>& commands);
std::string fish_completion(const std::vector<Command>& commands);

}  // namespace carrel::cli
