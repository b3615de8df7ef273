#include "base/error.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "unit/workspace/fixture.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using Calls = std::vector<std::string>;

class Wake : public WorldTest {
 protected:
  WorkspaceRow with_machine(std::string_view name, MachineState state = MachineState::stopped) {
    auto row = added(name);
    auto journal = open_journal();
    const auto ref = "m-" + std::string(name);
    const auto machine = journal.add_machine(row.id, "token-" + row.id.text(), "fake").value();
    EXPECT_TRUE(journal.set_machine(row.id, machine.sequence,
                                    {.provider = "fake", .place = "memory", .ref = ref}));
    EXPECT_TRUE(journal.want(row.id, Wanted::stopped));
    place.machines[ref] = {.token = "t", .state = state, .next = state};
    return row;
  }
  Result<> wake() {
    auto workspaces = Workspaces::open(world).value();
    return workspaces.wake(workspaces.all().value(), progress, Wait{});
  }
  MachineState state(const std::string& name) const { return place.machines.at("m-" + name).state; }
  Wanted wanted(std::string_view name) { return open_journal().by_name(name).value()->wanted; }
  std::ptrdiff_t started() const { return std::ranges::count(place.calls, "start"); }
};

TEST_F(Wake, starts_those_that_are_stopped_and_waits_for_all_by_one_question) {
  with_machine("a");
  with_machine("b");
  with_machine("c", MachineState::running);
  place.slow_looks = 2;
  ASSERT_TRUE(wake());
  EXPECT_EQ(place.calls, (Calls{"observe", "start", "start", "observe", "observe", "observe"}));
  EXPECT_EQ(state("a"), MachineState::running);
  EXPECT_EQ(state("b"), MachineState::running);
  EXPECT_EQ(wanted("a"), Wanted::running) << "written down before";
  EXPECT_EQ(progress.phases, Calls{"machines"});
}

TEST_F(Wake, one_alone_is_its_own_starts_work) {
  with_machine("a");
  added("of this computer");
  ASSERT_TRUE(wake());
  EXPECT_TRUE(place.calls.empty());
}

TEST_F(Wake, one_that_is_busy_or_whose_folder_has_gone_is_left_to_its_own_start) {
  const auto busy = with_machine("busy");
  const auto gone = with_machine("gone");
  with_machine("a");
  std::filesystem::remove_all(gone.folder);
  ASSERT_TRUE(make_private_folder(world.paths.lock_of(busy.id).parent_path()));
  const auto lock = FileLock::acquire(world.paths.lock_of(busy.id), Wait{});
  ASSERT_TRUE(lock);
  ASSERT_TRUE(wake());
  EXPECT_EQ(started(), 1);
  EXPECT_EQ(state("busy"), MachineState::stopped);
  EXPECT_EQ(state("gone"), MachineState::stopped);
  EXPECT_EQ(wanted("busy"), Wanted::stopped);
}

TEST_F(Wake, a_place_that_does_not_answer_is_no_error_here) {
  with_machine("a");
  with_machine("b");
  place.dies_at = 0;
  ASSERT_TRUE(wake());
  EXPECT_EQ(started(), 0);
  place.dies_at = place.calls.size() + 1;  // the first start
  ASSERT_TRUE(wake());
  EXPECT_EQ(started(), 1);
  EXPECT_EQ(place.calls.back(), "observe");
}

TEST_F(Wake, an_interrupt_ends_it) {
  with_machine("a");
  with_machine("b");
  place.slow_looks = 1000;
  Interrupt interrupt;
  progress.on_detail = [&] { interrupt.raise(); };
  auto workspaces = Workspaces::open(world).value();
  const auto woken = workspaces.wake(workspaces.all().value(), progress,
                                     Wait{.deadline = {}, .interrupt = &interrupt});
  ASSERT_FALSE(woken);
  EXPECT_EQ(woken.error().reason, Reason::interrupted);
}

}  // namespace
}  // namespace carrel
