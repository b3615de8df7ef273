// What has changed on each side since the last exchange, and what follows from it. Pure.
//
// A file is unchanged when its size and time are those of the base, or, with another time, when its
// digest is. A link is its target; a folder is or is not. Rights are not looked at.
#pragma once

#include "os/listing.hpp"

#include <string>
#include <vector>

namespace carrel {

enum class Change { absent, unchanged, changed, created, deleted };

// `known` is the base's, `now` the side's; null where there is none.
Change change_of(const FileEntry* known, const FileEntry* now);
// Files of which one does not know the digest differ when their sizes or times do.
bool is_same(const FileEntry& one, const FileEntry& other);

// Whose digests decide something that is still open. Ask for them, put them into the lists.
struct ToHash {
  std::vector<std::string> here;
  std::vector<std::string> there;
};
ToHash to_hash(const FileList& known, const FileList& here, const FileList& there);

// From one side to the other; both directions are alike. Nothing in `move` overwrites what the
// other side has changed, nothing is ever deleted.
struct Changes {
  std::vector<std::string> move;          // folders, too: those that the other side has not
  std::vector<std::string> both;          // changed on both sides, differently; no folders
  std::vector<std::string> agreed;        // the same on both sides, which the base does not know
  std::vector<std::string> deleted_from;  // gone on the first side, still there on the other
  std::vector<std::string> deleted_to;    // the other way round, and unchanged on the first
};
Changes changes_between(const FileList& known, const FileList& from, const FileList& to);

// Something else than a folder stands in `list` where `path` needs one.
bool is_blocked(const FileList& list, const std::string& path);

}  // namespace carrel
