#include "files/changes.hpp"

#include "os/listing.hpp"

#include <set>
#include <string>
#include <vector>

namespace carrel {
namespace {

const FileEntry* find_in(const FileList& list, const std::string& path) {
  const auto found = list.find(path);
  return found == list.end() ? nullptr : &found->second;
}

std::set<std::string> all_paths(const FileList& known, const FileList& one, const FileList& other) {
  std::set<std::string> paths;
  for (const auto* list : {&known, &one, &other}) {
    for (const auto& [path, entry] : *list) paths.insert(path);
  }
  return paths;
}

bool is_new_work(Change change) {
  return change == Change::changed || change == Change::created;
}

// Size and kind say the same as the base's, the time does not.
bool is_open(const FileEntry* known, const FileEntry* now) {
  return known != nullptr && now != nullptr && known->kind == FileKind::file &&
         now->kind == FileKind::file && known->size == now->size && known->mtime != now->mtime &&
         !known->digest.empty();
}

}  // namespace

bool is_same(const FileEntry& one, const FileEntry& other) {
  if (one.kind != other.kind || one.target != other.target || one.size != other.size) return false;
  if (one.digest.empty() || other.digest.empty()) return one.mtime == other.mtime;
  return one.digest == other.digest;
}

Change change_of(const FileEntry* known, const FileEntry* now) {
  if (now == nullptr) return known == nullptr ? Change::absent : Change::deleted;
  if (known == nullptr) return Change::created;
  const bool same_time = known->size == now->size && known->mtime == now->mtime &&
                         known->kind == now->kind && known->target == now->target;
  return same_time || is_same(*known, *now) ? Change::unchanged : Change::changed;
}

ToHash to_hash(const FileList& known, const FileList& here, const FileList& there) {
  ToHash wanted;
  for (const auto& path : all_paths(known, here, there)) {
    const auto* base = find_in(known, path);
    const auto* one = find_in(here, path);
    const auto* other = find_in(there, path);
    const bool could_be_same = one != nullptr && other != nullptr && one->kind == FileKind::file &&
                               other->kind == FileKind::file && one->size == other->size &&
                               is_new_work(change_of(base, one)) &&
                               is_new_work(change_of(base, other));
    if (could_be_same || is_open(base, one)) wanted.here.push_back(path);
    if (could_be_same || is_open(base, other)) wanted.there.push_back(path);
  }
  return wanted;
}

bool is_blocked(const FileList& list, const std::string& path) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const auto* above = find_in(list, path.substr(0, slash));
    if (above != nullptr && above->kind != FileKind::folder) return true;
  }
  return false;
}

Changes changes_between(const FileList& known, const FileList& from, const FileList& to) {
  Changes changes;
  for (const auto& path : all_paths(known, from, to)) {
    const auto* base = find_in(known, path);
    const auto* one = find_in(from, path);
    const auto* other = find_in(to, path);
    const auto first = change_of(base, one);
    const auto second = change_of(base, other);
    const bool is_folder = (one != nullptr     ? one
                            : other != nullptr ? other
                                               : base)
                               ->kind == FileKind::folder;
    if (is_new_work(first)) {
      const bool same = other != nullptr && is_same(*one, *other);
      const bool in_the_way = is_new_work(second) || is_blocked(to, path) ||
                              (other != nullptr && other->kind == FileKind::folder);
      if (same) {
        changes.agreed.push_back(path);
      } else if (!in_the_way) {
        changes.move.push_back(path);
      } else if (!is_folder) {
        changes.both.push_back(path);
      }
    } else if (first == Change::deleted && other != nullptr && !is_folder) {
      changes.deleted_from.push_back(path);
    } else if (first == Change::unchanged && second == Change::deleted && !is_folder) {
      changes.deleted_to.push_back(path);
    }
  }
  return changes;
}

}  // namespace carrel
