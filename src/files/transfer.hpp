// Files on their way between a folder of this computer and one of a machine: a tar stream into a
// folder beside their place (names.hpp, `incoming`), then each by a rename into it, so that a file
// arrives whole or not at all. Links are sent as links and never followed. Nobody else may use the
// same two folders meanwhile.
//
// Needed on the machine: GNU tar, find and coreutils.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "os/listing.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace carrel {

struct Ends {
  Channel& here;
  std::filesystem::path here_folder;
  Channel& there;
  std::filesystem::path there_folder;
  std::string once;         // of the workspace: makes the name of the folder that things arrive in
  bool everything = false;  // also what is never exchanged (names.hpp)
};

// One path to another, relative to the two folders.
struct Move {
  std::string from;
  std::string to;
  FileKind kind = FileKind::file;
  std::uint64_t size = 0;
};

// So much goes over at once: what a cut loses.
std::vector<std::vector<Move>> batches_of(const std::vector<Move>& moves);

// `everything`: also what is never exchanged (names.hpp). A folder that is not there has no files;
// a path that is a file is the one entry "".
Result<FileList> list_there(Channel& there, const std::filesystem::path& path, bool everything,
                            const Wait& wait);
// SHA-256 by path; those that cannot be read are missing.
Result<std::map<std::string, std::string>> digests(Channel& channel,
                                                   const std::filesystem::path& folder,
                                                   const std::vector<std::string>& paths,
                                                   const Wait& wait);

using OnBytes = std::function<void(std::size_t)>;

// What has come, not yet in its place.
struct Arrived {
  FileList files;  // by the path it came with
  FileList rest;   // of `send`: the machine's folder as it is now
};
Result<Arrived> send(const Ends& ends, const std::vector<Move>& batch, const OnBytes& on_bytes,
                     const Wait& wait);
Result<Arrived> fetch(const Ends& ends, const std::vector<Move>& batch, const OnBytes& on_bytes,
                      const Wait& wait);
// Into their places, with the folders that they need; what has not arrived is left out. The folder
// that they came in is removed.
Result<> place_there(const Ends& ends, const std::vector<Move>& batch, const Arrived& arrived,
                     const Wait& wait);
Result<> place_here(const Ends& ends, const std::vector<Move>& batch, const Arrived& arrived);

}  // namespace carrel
