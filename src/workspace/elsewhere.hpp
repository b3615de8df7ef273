// Workspaces of the person's other computers, by the tags of their machines. The keys to them are
// on those computers: from here they can be seen, and their machines stopped.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "workspace/provider.hpp"
#include "workspace/workspaces.hpp"

#include <set>
#include <string_view>
#include <vector>

namespace carrel {

// "lesson@laptop": no workspace of this computer is called so.
bool is_elsewhere(std::string_view name);
Error only_from_its_computer(std::string_view full_name);

// Pure. Those whose workspace is not among `known`, in the order of their full names. Each has one
// of its own: where the computer's name does not tell two apart, or is not known, the machine's ref
// stands for it.
std::vector<WorkspaceStatus> statuses_elsewhere(const std::vector<MadeElsewhere>& machines,
                                                const std::set<WorkspaceId>& known);

}  // namespace carrel
