#include "workspace/elsewhere.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "os/wait.hpp"
#include "unit/workspace/fixture.hpp"
#include "workspace/provider.hpp"
#include "workspace/workspaces.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

const std::string an_id = "01jdexamp1e0000000000000aa";
const std::string another_id = "01jdexamp1e0000000000000bb";

MadeElsewhere made(std::string ref, std::string name, std::string computer,
                   std::string workspace = an_id) {
  return {.machine = {.provider = "fake", .place = "memory", .ref = std::move(ref)},
          .workspace = std::move(workspace),
          .name = std::move(name),
          .computer = std::move(computer),
          .owner = "anna",
          .seen = {.state = MachineState::running}};
}

std::vector<std::string> names(const std::vector<MadeElsewhere>& machines) {
  std::vector<std::string> all;
  for (const auto& one : statuses_elsewhere(machines, {})) all.push_back(one.full_name());
  return all;
}

using Names = std::vector<std::string>;

TEST(elsewhere, a_name_has_its_computer) {
  const auto all = statuses_elsewhere({made("m-1", "lesson", "laptop")}, {});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].full_name(), "lesson@laptop");
  EXPECT_EQ(all[0].word, "running") << "what its server does only its computer knows";
  EXPECT_EQ(all[0].owner, "anna");
}

TEST(elsewhere, names_that_would_be_the_same_have_their_machines_instead) {
  EXPECT_EQ(names({made("m-2", "lesson", "laptop"), made("m-1", "lesson", "laptop", another_id),
                   made("m-3", "lesson", "desk")}),
            (Names{"lesson@desk", "lesson@m-1", "lesson@m-2"}));
}

TEST(elsewhere, tags_are_anybodys_words) {
  EXPECT_EQ(names({made("m-1", "a\x1b[2Jb @c", "lap\ntop")}), Names{"a-2Jb-c@m-1"});
  EXPECT_EQ(names({made("m-1", "", "")}), Names{"workspace@m-1"});
  EXPECT_EQ(names({made("m-1", "lesson", "laptop", "no id"), made("m-2", "x", "y", "")}), Names{})
      << "Carrel has not made it";
}

class Elsewhere : public WorldTest {
 protected:
  Elsewhere() { place.elsewhere = {made("m-77", "lesson", "laptop")}; }
  WorkspaceList list(const std::string& also_on = {}) {
    return Workspaces::open(world).value().list({.also_on = also_on}, Wait{}).value();
  }
  Result<StoppedElsewhere> stop(const std::string& name) {
    return Workspaces::open(world).value().stop_elsewhere(name, Wait{});
  }
  // A workspace of this computer with a machine there.
  void make_own(const std::string& ref = "m-1") {
    const auto row = added("own");
    auto journal = open_journal();
    const auto machine = journal.add_machine(row.id, "token", "fake").value();
    ASSERT_TRUE(journal.set_machine(row.id, machine.sequence,
                                    {.provider = "fake", .place = "memory", .ref = ref}));
    place.machines[ref] = {
        .token = "token", .state = MachineState::stopped, .next = MachineState::stopped};
  }
};

TEST_F(Elsewhere, is_shown_by_the_question_that_is_asked_anyway) {
  make_own();
  const auto seen = list();
  ASSERT_EQ(seen.all.size(), 2U);
  EXPECT_EQ(seen.all[0].full_name(), "own");
  EXPECT_EQ(seen.all[1].full_name(), "lesson@laptop");
  EXPECT_EQ(place.calls, std::vector<std::string>{"observe"});
}

TEST_F(Elsewhere, is_not_asked_for_where_this_computer_has_nothing_unless_it_is_meant) {
  EXPECT_TRUE(list().all.empty());
  EXPECT_TRUE(place.calls.empty());
  EXPECT_EQ(list("fake").all.size(), 1U);
  EXPECT_FALSE(Workspaces::open(world).value().list({.also_on = "nowhere"}, Wait{}));
}

TEST_F(Elsewhere, what_this_computer_knows_is_its_own_also_by_another_machine) {
  make_own();
  const auto own = open_journal().by_name("own").value()->id;
  place.elsewhere.push_back(made("m-2", "own", "laptop", own.text()));
  EXPECT_EQ(list().all.size(), 2U);
}

TEST_F(Elsewhere, a_place_that_cannot_be_asked_is_said) {
  place.unasked = {{.what = "no credentials", .trace = {}}};
  const auto seen = list("fake");
  ASSERT_EQ(seen.unasked.size(), 1U);
  EXPECT_EQ(seen.unasked[0].what, "no credentials");
  EXPECT_EQ(stop("other@laptop").error().what, "no credentials") << "it may be there";
}

TEST_F(Elsewhere, is_stopped_by_its_name_or_its_machine) {
  place.machines["m-77"] = {.token = "t"};
  const auto stopped = stop("lesson@laptop");
  ASSERT_TRUE(stopped) << stopped.error().what;
  EXPECT_TRUE(stopped->result.changed);
  EXPECT_EQ(stopped->before.id.text(), an_id);
  EXPECT_EQ(place.machines.at("m-77").state, MachineState::stopped);
  place.elsewhere[0].seen.state = MachineState::stopped;
  const auto again = stop("lesson@m-77");
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_FALSE(again->result.changed);
}

TEST_F(Elsewhere, a_name_that_nobody_has_names_those_that_there_are) {
  const auto stopped = stop("lesson@desk");
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().exit, Exit::usage);
  EXPECT_TRUE(stopped.error().hint.contains("lesson@laptop")) << stopped.error().hint;
}

TEST_F(Elsewhere, all_else_needs_its_computer) {
  const auto found = Workspaces::open(world).value().find("lesson@laptop", folder.path());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().exit, Exit::act);
  EXPECT_TRUE(found.error().why.contains("key")) << found.error().why;
  EXPECT_TRUE(found.error().hint.contains("carrel stop lesson@laptop")) << found.error().hint;
  EXPECT_TRUE(place.calls.empty());
}

}  // namespace
}  // namespace carrel
