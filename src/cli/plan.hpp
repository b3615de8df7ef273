// What a machine would cost, before it does.
#pragma once

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/show.hpp"
#include "workspace/site.hpp"

#include <string>

namespace carrel::cli {

// The machine, the order of attempts, its price running and stopped, what ends it.
std::string plan_text(const Plan& plan, const Look& look);

// Shows the plan and asks on the terminal; with --yes it is only shown. False: the answer was no.
// Without a terminal and without --yes: Exit::act.
Result<bool> agree_to(const CommandContext& context, const Plan& plan);

}  // namespace carrel::cli
