// The two states of a workspace and the one word for people. Pure; the table is in
// docs/reference/states.md and the test holds the two together.
#pragma once

#include "workspace/provider.hpp"

#include <string_view>

namespace carrel {

enum class ServerState {
  none,      // never started, or `up` was cut off before
  starting,  // its process lives and does not answer yet
  running,
  stopped,  // it was asked to, or the machine was
  dead,     // it ended unasked
  unknown,  // the machine could not be asked
};

std::string_view to_string(MachineState state);
std::string_view to_string(ServerState state);
// "up", "starting", "stopping", "stopped", "failed", "unfinished", "gone", "unknown"
std::string_view word_for(MachineState machine, ServerState server);

}  // namespace carrel
