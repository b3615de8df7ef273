// Jupyter Server as a service of the machine's systemd (systemd.service(5)): it outlives the ssh
// session, is started again when it dies, comes back with the machine, and ends with it in order.
// The unit holds no secret: the server reads its own file of mode 0600.
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct ServerUnit {
  std::string workspace;          // its name, for people
  std::string user;               // who it runs as: the login
  std::vector<std::string> argv;  // says to systemd when it is ready (sd_notify); 1: was refused
};

// "carrel-ID.service"
std::string server_unit_name(std::string_view short_id);

// The unit's file. Whatever the texts hold, each is one value.
std::string server_unit_text(const ServerUnit& unit);

// POSIX sh scripts for root on the machine. The first takes the unit's file on standard input,
// puts it in its place, lets every boot start it, and starts it anew; it returns when the server
// has said that it is ready, and otherwise prints what the unit has said, and fails.
std::string start_unit_script(std::string_view name);
// Ends it and everything that it has started, also for the next boots. No such unit: done.
std::string stop_unit_script(std::string_view name);

}  // namespace carrel
