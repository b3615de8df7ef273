// The person's folder on a machine that is not this computer.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "files/exchange.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/world.hpp"

namespace carrel {

// Sends the folder of `site.row` to `site.folder`, once, or what a cut `up` has left to send. After
// that the folder there is the person's work, and `up` leaves it as it is.
Result<> bring_folder(const World& world, Site& site, Progress& progress, const Wait& wait);

// Both sides of it, looked at.
Result<Exchange> exchange_of(const World& world, Site& site, Progress& progress, const Wait& wait);
// The record of what was exchanged with that machine.
ExchangeRecord record_of(const World& world, const WorkspaceRow& row, const MachineRef& machine);

}  // namespace carrel
