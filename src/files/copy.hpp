// Single files and folders to and from a machine, as `cp -r` does: a folder that exists takes what
// is copied into it, a file that exists is overwritten. What is there already with the same size
// and time is not sent again. Everything goes, whatever the rules for exchanges say.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "files/transfer.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace carrel {

struct CopyReport {
  std::size_t files = 0;
  std::size_t there_already = 0;
  std::uint64_t bytes = 0;
};

enum class Direction { home, out };  // to this computer, to the machine

struct CopyRequest {
  Direction direction = Direction::home;
  std::vector<std::filesystem::path> from;  // absolute
  std::filesystem::path to;                 // absolute; with several `from` a folder
};

// `once` as in Ends.
Result<CopyReport> copy_files(Channel& here, Channel& there, const CopyRequest& request,
                              const std::string& once, Progress& progress, const Wait& wait);

}  // namespace carrel
