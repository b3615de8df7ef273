// The server of a workspace as a unit of its machine's systemd (machine/server_unit.hpp), where the
// provider's facts say that there is one, and root.
#pragma once

#include "base/error.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/site.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace carrel {

bool has_services(const Site& site);

// Starts it anew, whatever ran before; `argv` is carrel_server in the foreground. Its supervisor.
Result<ProcessId> start_service(Site& site, const ServerRow& row,
                                const std::vector<std::string>& argv, const Wait& wait);
// Ends it and all below it; the next boot does not bring it back.
Result<> stop_service(Site& site, const Wait& wait);
// Whether systemd starts it now: it died, or the machine boots.
Result<bool> service_is_coming(Site& site, const Wait& wait);

// What the machine's boot has met, and the end of its log; "" where it went well, is not over, or
// cannot be asked.
std::string boot_trouble(Site& site, const Wait& wait);

}  // namespace carrel
