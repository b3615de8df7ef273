// What `up` and `start` print in the end: the proof, the address, how to stop, what it costs.
#pragma once

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/show.hpp"

#include <string>
#include <string_view>

namespace carrel::cli {

// "cell 6*7 -> 42 in 6 ms, Python 3.11.2, no GPU on this machine"
std::string proof_line(const Proof& proof);

// `sign_in`: an address that signs in once, "" when the output is no terminal (a log is no place
// for it).
std::string ready_text(const UpResult& result, std::string_view sign_in, const Look& look);

// For standard output: text, or the event "ready"; gets the ticket when that is a terminal.
Result<std::string> ready_lines(const CommandContext& context, Workspaces& workspaces,
                                const WorkspaceRow& row, const UpResult& result);

}  // namespace carrel::cli
