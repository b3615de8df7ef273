// This program's standard input and output as the two ends of a connection.
#pragma once

#include "base/error.hpp"
#include "os/connection.hpp"
#include "os/wait.hpp"

namespace carrel {

// Until the other side has said all; the end of standard input is passed on. Who reads standard
// output takes it all, else both directions wait.
Result<> relay(Connection& connection, const Wait& wait);

}  // namespace carrel
