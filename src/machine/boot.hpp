// What a machine says of its own boot: cloud-init's files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace carrel {

inline constexpr const char* boot_log_file = "/var/log/cloud-init-output.log";
// Written when a boot is over.
inline constexpr const char* boot_result_file = "/run/cloud-init/result.json";

// What went wrong, by the text of that file; none: nothing did, or it is no such file.
std::vector<std::string> boot_errors(std::string_view result_json);

}  // namespace carrel
