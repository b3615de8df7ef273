// What git has brought to safety: files of a machine's folder that are, byte for byte, in a commit
// that a remote has. Asked of the repositories there, which are not trusted: nothing that their
// configuration names is run, and nothing is fetched.
//
// A remote on the machine itself is none, and a repository that has one counts for nothing. What a
// remote has is what git knew when it last spoke with it.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "os/listing.hpp"
#include "os/wait.hpp"

#include <filesystem>
#include <set>
#include <string>

namespace carrel {

// Of `files`, those that are safe. Whatever cannot be found out is not: no git, a damaged
// repository, no answer in time. Errors: interrupted.
Result<std::set<std::string>> pushed_files(Channel& there, const std::filesystem::path& folder,
                                           const FileList& files, const Wait& wait);

}  // namespace carrel
