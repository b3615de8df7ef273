// The commands, one file each. main.cpp puts them into the table.
#pragma once

#include "cli/command.hpp"

#include <string>
#include <vector>

namespace carrel::cli {

// `providers`: the names that --on may have.
Command up_command(const std::vector<std::string>& providers);
Command open_command();
Command url_command();
Command stop_command();
Command start_command();
Command rm_command();
Command ls_command(const std::vector<std::string>& providers);
Command status_command();
Command logs_command();
Command exec_command();
Command push_command();
Command pull_command();
Command cp_command();
Command run_command();
Command ssh_command();
Command ssh_config_command();
Command forward_command();
Command extend_command();
Command password_command();
Command doctor_command(const std::vector<std::string>& providers);
Command cache_command();
Command completion_command();
Command help_command();
// Hidden: what other commands start.
Command keeper_command();
Command keeper_address_command();
Command ssh_proxy_command();

}  // namespace carrel::cli
