#include "workspace/site.hpp"

#include "base/error.hpp"
#include "fakes/fake_provider.hpp"
#include "os/wait.hpp"
#include "unit/workspace/fixture.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace carrel {
namespace {

class SiteTest : public WorldTest {
 protected:
  Result<Site> make(const WorkspaceRow& row, const Wait& wait = Wait{},
                    std::string_view where = "fake") {
    auto journal = open_journal();
    MachineWish wish{.provider = std::string(where)};
    if (place.blocked.empty()) {
      wish.plan = Plan{.offers = {{.place = "memory"}}, .hardware = {}};
    } else {
      wish.plan = TRY(plan_for(*TRY(provider_named(world, where)), {}, wait));
    }
    return make_site(world, journal, row, wish, progress, wait);
  }
  std::ptrdiff_t calls(std::string_view name) const {
    return std::ranges::count(place.calls, name);
  }
};

TEST_F(SiteTest, is_made_once_and_then_kept) {
  const auto row = added("a");
  const auto first = make(row);
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ(first->machine.machine.ref, "m-1");
  const auto second = make(row);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->machine.token, first->machine.token);
  EXPECT_EQ(calls("create"), 1);
  EXPECT_EQ(place.machines.size(), 1U);
}

TEST_F(SiteTest, of_another_workspace_is_another_machine) {
  EXPECT_NE(make(added("a"))->machine.machine, make(added("b"))->machine.machine);
}

TEST_F(SiteTest, waits_for_a_slow_machine_and_says_why) {
  place.slow_looks = 4;
  ASSERT_TRUE(make(added("a")));
  EXPECT_EQ(progress.details.size(), 4U);
  EXPECT_EQ(progress.details[0], "waiting for capacity");
}

TEST_F(SiteTest, starts_a_stopped_machine_once_and_waits_for_one_that_is_stopping) {
  const auto row = added("a");
  const auto machine = make(row)->machine.machine;
  place.slow_looks = 3;
  ASSERT_TRUE(provider.stop(machine, StopHow::gracefully, Wait{}));
  ASSERT_TRUE(make(row));
  EXPECT_EQ(calls("start"), 1);
  EXPECT_EQ(calls("create"), 1);
  EXPECT_EQ(place.machines.at("m-1").state, MachineState::running);
}

TEST_F(SiteTest, gives_up_at_its_deadline_and_leaves_the_machine_as_it_is) {
  const auto row = added("a");
  place.slow_looks = 1'000'000'000;
  const auto late = make(row, Wait::at_most(Milliseconds(20)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::timed_out);
  place.machines.at("m-1").looks_left = 0;
  ASSERT_TRUE(make(row));
  EXPECT_EQ(place.made, 1);
}

TEST_F(SiteTest, ends_at_ctrl_c_and_the_next_command_goes_on) {
  const auto row = added("a");
  Interrupt interrupt;
  place.slow_looks = 5;
  progress.on_detail = [&] { interrupt.raise(); };
  const auto ended = make(row, Wait{.deadline = std::nullopt, .interrupt = &interrupt});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, Reason::interrupted);
  ASSERT_TRUE(make(row));
  EXPECT_EQ(place.made, 1);
}

TEST_F(SiteTest, that_cannot_be_asked_is_waited_for_and_neither_started_nor_replaced) {
  const auto row = added("a");
  ASSERT_TRUE(make(row));
  place.silent = true;
  const auto before = place.calls.size();
  const auto unknown = make(row, Wait::at_most(Milliseconds(20)));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().reason, Reason::timed_out);
  for (auto i = before; i < place.calls.size(); ++i) EXPECT_EQ(place.calls[i], "observe");
  EXPECT_EQ(open_journal().machine(row.id).value()->machine.ref, "m-1");
  place.silent = false;
  ASSERT_TRUE(make(row));
  EXPECT_EQ(place.made, 1);
}

TEST_F(SiteTest, that_answers_while_it_is_waited_for_is_used) {
  const auto row = added("a");
  ASSERT_TRUE(make(row));
  place.silent = true;
  progress.on_detail = [&] { place.silent = progress.details.size() < 3; };
  ASSERT_TRUE(make(row));
  EXPECT_EQ(place.made, 1);
}

TEST_F(SiteTest, that_was_forgotten_is_made_anew_and_the_old_one_stays_in_the_journal) {
  const auto row = added("a");
  const auto first = make(row);
  ASSERT_TRUE(first);
  place.forget_all();
  const auto second = make(row);
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(second->machine.sequence, 2);
  EXPECT_NE(second->machine.token, first->machine.token);
  EXPECT_EQ(place.machines.size(), 1U);
}

TEST_F(SiteTest, that_vanishes_on_its_way_is_an_error_and_the_next_up_makes_another) {
  const auto row = added("a");
  place.slow_looks = 5;
  progress.on_detail = [&] { place.forget_all(); };
  const auto vanished = make(row);
  ASSERT_FALSE(vanished);
  EXPECT_EQ(vanished.error().reason, Reason::not_found);
  EXPECT_FALSE(vanished.error().hint.empty());
  progress.on_detail = {};
  ASSERT_TRUE(make(row));
  EXPECT_EQ(place.machines.size(), 1U);
}

TEST_F(SiteTest, where_nothing_can_be_had_says_what_stands_in_the_way_and_makes_nothing) {
  place.blocked = {"the quota is 0", "no key"};
  const auto refused = make(added("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit, Exit::act);
  EXPECT_EQ(refused.error().why, "the quota is 0; no key");
  EXPECT_TRUE(place.machines.empty());
}

TEST_F(SiteTest, at_a_place_that_nobody_knows_names_those_that_are_known) {
  const auto refused = make(added("a"), Wait{}, "moon");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit, Exit::usage);
  EXPECT_NE(refused.error().hint.find("fake, other"), std::string::npos);
}

// A carrel.toml that names another place asks the wrong provider, which has never seen the machine.
TEST_F(SiteTest, never_leaves_a_machine_behind_when_the_place_is_changed) {
  const auto row = added("a");
  ASSERT_TRUE(make(row));
  const auto moved = make(row, Wait{}, "other");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().exit, Exit::usage);
  EXPECT_NE(moved.error().what.find("fake"), std::string::npos);
  EXPECT_NE(moved.error().hint.find("carrel rm a"), std::string::npos);
  EXPECT_TRUE(other_place.calls.empty());
  EXPECT_EQ(open_journal().machine(row.id).value()->machine.provider, "fake");
  place.forget_all();
  ASSERT_TRUE(make(row, Wait{}, "other")) << "there is nothing left behind";
  EXPECT_EQ(other_place.machines.size(), 1U);
}

TEST_F(SiteTest, does_not_change_its_place_while_an_answer_is_outstanding) {
  const auto row = added("a");
  place.dies_at = 1;  // create
  place.dies_after_acting = true;
  ASSERT_FALSE(make(row));
  ASSERT_FALSE(make(row, Wait{}, "other"));
  EXPECT_TRUE(other_place.machines.empty());
  ASSERT_TRUE(make(row));
  EXPECT_EQ(place.machines.size(), 1U);
}

// The place dies at each call of the whole way in turn, before or after it has acted; the command
// is run again until it succeeds.
TEST_F(SiteTest, that_dies_at_any_call_is_one_machine_when_the_command_is_run_again) {
  for (const auto begin_with : {"nothing", "a stopped machine"}) {
    for (const bool after_acting : {false, true}) {
      for (std::size_t at = 0; at < 12; ++at) {
        SCOPED_TRACE(std::string(begin_with) + (after_acting ? ", after call " : ", before call ") +
                     std::to_string(at));
        const auto row =
            added(std::to_string(at) + begin_with[0] + (after_acting ? "after" : "before"));
        place = FakePlace{.slow_looks = 1, .dies_after_acting = after_acting};
        if (std::string(begin_with) != "nothing") {
          const auto made = make(row);
          ASSERT_TRUE(made);
          ASSERT_TRUE(provider.stop(made->machine.machine, StopHow::gracefully, Wait{}));
        }
        place.dies_at = place.calls.size() + at;
        auto site = make(row);
        const bool died = !site;
        if (died) site = make(row);
        ASSERT_TRUE(site) << site.error().what;
        EXPECT_EQ(place.made, 1);
        EXPECT_EQ(place.machines.size(), 1U);
        EXPECT_EQ(place.machines.at(site->machine.machine.ref).token, site->machine.token);
        EXPECT_EQ(site->machine.sequence, 1);
        if (!died) {
          EXPECT_GE(at, 4U) << "the way is at least so long";
          break;
        }
        ASSERT_LT(at, 11U) << "longer than this test looks";
      }
    }
  }
}

TEST_F(SiteTest, is_reached_as_it_is_and_nothing_is_made_for_it) {
  const auto row = added("a");
  auto journal = open_journal();
  const auto none = reach_site(world, journal, row, Wait{});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason, Reason::not_found);
  EXPECT_EQ(none.error().hint, "carrel start a completes it");
  EXPECT_TRUE(place.calls.empty());
  ASSERT_TRUE(make(row));
  EXPECT_TRUE(reach_site(world, journal, row, Wait{}));
}

}  // namespace
}  // namespace carrel
