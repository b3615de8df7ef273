#include "files/changes.hpp"

#include "os/listing.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using Entry = std::optional<FileEntry>;

const Entry none;

Entry file(std::uint64_t size, std::int64_t mtime, std::string digest = {}) {
  return FileEntry{
      .kind = FileKind::file, .size = size, .mtime = mtime, .digest = std::move(digest)};
}
Entry link(std::string target) {
  return FileEntry{.kind = FileKind::link, .target = std::move(target)};
}
Entry folder() {
  return FileEntry{.kind = FileKind::folder};
}

FileList list_of(const Entry& entry) {
  return entry ? FileList{{"a", *entry}} : FileList{};
}

struct Case {
  std::string name;
  Entry known;
  Entry from;
  Entry to;
  std::string result;  // of changes_between: the list that has "a", "" for none
};

std::string result_of(const Case& one) {
  const auto changes = changes_between(list_of(one.known), list_of(one.from), list_of(one.to));
  std::string result;
  const auto add = [&](const char* name, const std::vector<std::string>& paths) {
    if (!paths.empty()) result += name;
  };
  add("move", changes.move);
  add("both", changes.both);
  add("agreed", changes.agreed);
  add("deleted_from", changes.deleted_from);
  add("deleted_to", changes.deleted_to);
  return result;
}

// Base, changed here, changed there, each against each.
const auto base = file(1, 1, "x");
const auto mine = file(2, 2, "m");
const auto theirs = file(3, 3, "t");

const std::vector<Case> cases = {
    {"unchanged on both sides: nothing", base, base, base, ""},
    {"unchanged here, changed there: nothing", base, base, theirs, ""},
    {"unchanged here, deleted there: said", base, base, none, "deleted_to"},
    {"changed here, unchanged there: goes over", base, mine, base, "move"},
    {"changed on both sides: never overwritten", base, mine, theirs, "both"},
    {"changed on both sides to the same: agreed", base, mine, mine, "agreed"},
    {"changed here, deleted there: goes over", base, mine, none, "move"},
    {"deleted here, unchanged there: said, not deleted", base, none, base, "deleted_from"},
    {"deleted here, changed there: said, not deleted", base, none, theirs, "deleted_from"},
    {"deleted on both sides: nothing", base, none, none, ""},
    {"new here: goes over", none, mine, none, "move"},
    {"new there: nothing", none, none, theirs, ""},
    {"new on both sides, differently: never overwritten", none, mine, theirs, "both"},
    {"new on both sides, the same: agreed", none, mine, mine, "agreed"},
    {"new with one digest and two times: agreed", none, file(2, 2, "m"), file(2, 9, "m"), "agreed"},
    {"new with one size, two times and no digest: not the same", none, file(2, 2), file(2, 9),
     "both"},
    {"touched here with the same digest: nothing", base, file(1, 7, "x"), base, ""},
    {"touched here with another digest: goes over", base, file(1, 7, "y"), base, "move"},
    {"touched there with the same digest: goes over", base, mine, file(1, 7, "x"), "move"},
    {"touched here, the digest of the base unknown: goes over", file(1, 1), file(1, 7, "x"),
     file(1, 1), "move"},
    {"a link with another target: goes over", link("b"), link("c"), link("b"), "move"},
    {"a link of one target: nothing", link("b"), link("b"), link("b"), ""},
    {"a file that became a link: goes over", base, link("b"), base, "move"},
    {"a file here, a link there: never overwritten", base, mine, link("b"), "both"},
    {"a new folder: goes over", none, folder(), none, "move"},
    {"a folder on both sides: agreed", none, folder(), folder(), "agreed"},
    {"a folder that is gone here: nothing is said", folder(), none, folder(), ""},
    {"a folder here, a file there: nothing to do", none, folder(), theirs, ""},
    {"a file here, a folder there: never overwritten", none, mine, folder(), "both"},
    {"a known file here, a folder there: never overwritten", base, mine, folder(), "both"},
};

TEST(Changes, follow_the_table) {
  for (const auto& one : cases) EXPECT_EQ(result_of(one), one.result) << one.name;
}

TEST(Changes, a_file_below_what_is_no_folder_on_the_other_side_is_in_both) {
  const FileList from = {{"d", *folder()}, {"d/e", *folder()}, {"d/e/f", *mine}};
  const auto changes = changes_between({}, from, {{"d", *link("elsewhere")}});
  EXPECT_EQ(changes.both, std::vector<std::string>{"d/e/f"});
  EXPECT_EQ(changes.move, std::vector<std::string>{});
}

TEST(Changes, digests_are_asked_for_where_they_decide_something_and_only_there) {
  struct Question {
    std::string name;
    Entry known, here, there;
    bool asks_here, asks_there;
  };
  const std::vector<Question> questions = {
      {"unchanged", base, base, base, false, false},
      {"another size", base, mine, base, false, false},
      {"touched here", base, file(1, 7), base, true, false},
      {"touched there", base, base, file(1, 7), false, true},
      {"touched, the base without a digest", file(1, 1), file(1, 7), file(1, 1), false, false},
      {"new on both sides, one size", none, file(2, 2), file(2, 3), true, true},
      {"new on both sides, two sizes", none, file(2, 2), file(3, 2), false, false},
      {"changed on both sides, one size", base, file(2, 2), file(2, 3), true, true},
      {"new links", none, link("a"), link("a"), false, false},
      {"new here alone", none, file(2, 2), none, false, false},
  };
  for (const auto& one : questions) {
    const auto wanted = to_hash(list_of(one.known), list_of(one.here), list_of(one.there));
    EXPECT_EQ(!wanted.here.empty(), one.asks_here) << one.name;
    EXPECT_EQ(!wanted.there.empty(), one.asks_there) << one.name;
  }
}

}  // namespace
}  // namespace carrel
