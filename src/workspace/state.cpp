#include "workspace/state.hpp"

#include "workspace/provider.hpp"

#include <string_view>

namespace carrel {

std::string_view to_string(MachineState state) {
  switch (state) {
    case MachineState::none:
      return "none";
    case MachineState::pending:
      return "pending";
    case MachineState::running:
      return "running";
    case MachineState::stopping:
      return "stopping";
    case MachineState::stopped:
      return "stopped";
    case MachineState::gone:
      return "gone";
    case MachineState::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view to_string(ServerState state) {
  switch (state) {
    case ServerState::none:
      return "none";
    case ServerState::starting:
      return "starting";
    case ServerState::running:
      return "running";
    case ServerState::stopped:
      return "stopped";
    case ServerState::dead:
      return "dead";
    case ServerState::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view word_for(MachineState machine, ServerState server) {
  switch (machine) {
    case MachineState::none:
      return "unfinished";
    case MachineState::pending:
      return "starting";
    case MachineState::stopping:
      return "stopping";
    case MachineState::stopped:
      return "stopped";
    case MachineState::gone:
      return "gone";
    case MachineState::unknown:
      return "unknown";
    case MachineState::running:
      break;
  }
  switch (server) {
    case ServerState::none:
      return "unfinished";
    case ServerState::starting:
      return "starting";
    case ServerState::running:
      return "up";
    case ServerState::stopped:
      return "stopped";
    case ServerState::dead:
      return "failed";
    case ServerState::unknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace carrel
