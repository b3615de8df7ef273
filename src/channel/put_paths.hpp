// What every channel checks before it writes the first of several files. Pure.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"

#include <filesystem>
#include <vector>

namespace carrel {

// `root` is absolute, and no file's path leads out of it.
Result<> check_put(const std::filesystem::path& root, const std::vector<PutFile>& files);

}  // namespace carrel
