// The person's folder on a machine that is not this computer.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "os/wait.hpp"
#include "workspace/site.hpp"

namespace carrel {

// Sends the folder of `site.row` (on `here`, this computer) to `site.folder`, once: a folder that
// is there already is the person's work and stays as it is. In a git repository what git ignores
// stays here. At most 500 MB.
Result<> bring_folder(Channel& here, Site& site, Progress& progress, const Wait& wait);

}  // namespace carrel
