// A password from a person or a file, never from the command line.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "cli/command.hpp"

#include <filesystem>
#include <string_view>

namespace carrel::cli {

// Asked twice, without echo. No terminal: Exit::act, with `instead` as the next step.
Result<Secret> ask_new_password(const CommandContext& context, std::string_view question,
                                std::string_view instead);
// Standard input without its last line end; empty is refused.
Result<Secret> password_from_input(const CommandContext& context);
// A file that belongs to this user and that nobody else may read, without its last line end.
Result<Secret> password_from_file(const std::filesystem::path& path, unsigned user);

}  // namespace carrel::cli
