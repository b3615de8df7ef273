#include "workspace/status.hpp"

#include "base/error.hpp"
#include "fakes/fake_provider.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "unit/workspace/fixture.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/state.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

class StatusTest : public WorldTest {
 protected:
  std::vector<WorkspaceStatus> list() {
    return Workspaces::open(world).value().list({}, Wait{}).value().all;
  }
  WorkspaceStatus only() {
    auto all = list();
    EXPECT_EQ(all.size(), 1U);
    return all.front();
  }
  // A workspace whose server runs: pid 7 of the machine.
  WorkspaceRow running(std::string_view name) {
    const auto row = added(name);
    auto journal = open_journal();
    const auto site = make_site(world, journal, row,
                                {.provider = "fake",
                                 .plan = Plan{.offers = {{.place = "memory"}}, .hardware = {}}},
                                progress, Wait{})
                          .value();
    auto& inside = place.machines.at(site.machine.machine.ref).inside;
    inside.files["/proc/sys/kernel/random/boot_id"] = {"boot\n"};
    inside.processes[{7, 70}] = "";
    EXPECT_TRUE(
        journal.put_server({.workspace = row.id,
                            .instance = "i",
                            .process = ProcessId{.pid = 7, .start_ticks = 70, .boot_id = "boot"},
                            .port = 8888,
                            .runtime_folder = "/run/w",
                            .started = clock.wall(),
                            .ready = clock.wall()}));
    return row;
  }
  FakeMachine& machine() { return place.machines.begin()->second.inside; }
};

TEST_F(StatusTest, of_nothing_is_an_empty_list) {
  EXPECT_TRUE(list().empty());
  EXPECT_TRUE(place.calls.empty());
}

TEST_F(StatusTest, of_a_first_up_that_was_cut_off_is_unfinished) {
  const auto row = added("a");
  EXPECT_EQ(only().word, "unfinished");
  ASSERT_TRUE(open_journal().add_machine(row.id, "token", "fake"));
  EXPECT_EQ(only().word, "unfinished");
  EXPECT_TRUE(place.calls.empty()) << "nothing to ask for";
}

TEST_F(StatusTest, of_a_server_that_runs_is_up_with_an_address_without_secret) {
  running("a");
  const auto status = only();
  EXPECT_EQ(status.word, "up");
  EXPECT_EQ(status.url, "http://127.0.0.1:8888/lab");
  EXPECT_EQ(status.since, clock.wall());
  EXPECT_FALSE(status.kernels);
  EXPECT_TRUE(status.folder_exists);
}

TEST_F(StatusTest, of_a_server_whose_process_has_gone_is_failed_with_its_end) {
  running("a");
  machine().processes.clear();
  machine().files["/run/w/exit.json"] = {R"({"instance":"i","status":3,"signal":null})"};
  const auto status = only();
  EXPECT_EQ(status.word, "failed");
  EXPECT_EQ(status.detail, "it ended with status 3");
  EXPECT_EQ(status.url, "");
}

TEST_F(StatusTest, of_a_server_that_ended_before_the_machine_was_restarted_is_stopped) {
  running("a");
  machine().processes.clear();
  machine().files["/proc/sys/kernel/random/boot_id"] = {"a later boot\n"};
  EXPECT_EQ(only().word, "stopped");
}

TEST_F(StatusTest, of_a_machine_that_cannot_be_reached_is_unknown_and_nothing_is_forgotten) {
  const auto row = running("a");
  machine().reachable = false;
  auto status = only();
  EXPECT_EQ(status.word, "unknown");
  EXPECT_FALSE(status.detail.empty());
  // also while its start was not written down
  ASSERT_TRUE(open_journal().put_server(
      {.workspace = row.id, .instance = "i", .port = 8888, .runtime_folder = "/run/w"}));
  EXPECT_EQ(only().word, "unknown");
  machine().reachable = true;
  EXPECT_EQ(place.machines.size(), 1U);
}

TEST_F(StatusTest, of_a_silent_place_is_unknown_and_only_looked_at) {
  running("a");
  place.silent = true;
  place.calls.clear();
  const auto status = only();
  EXPECT_EQ(status.word, "unknown");
  EXPECT_EQ(status.detail, "the place does not answer");
  EXPECT_EQ(status.machine, MachineState::unknown);
  EXPECT_EQ(status.server, ServerState::unknown);
  EXPECT_EQ(place.calls, std::vector<std::string>{"observe"});
  place.silent = false;
  EXPECT_EQ(only().word, "up");
}

TEST_F(StatusTest, of_a_place_that_fails_is_unknown_for_its_own_and_not_for_the_others) {
  running("a");
  const auto elsewhere = added("b");
  auto journal = open_journal();
  ASSERT_TRUE(make_site(
      world, journal, elsewhere,
      {.provider = "other", .plan = Plan{.offers = {{.place = "memory"}}, .hardware = {}}},
      progress, Wait{}));
  const auto stranger = added("c");
  const auto machine = journal.add_machine(stranger.id, "t", "moon").value();
  ASSERT_TRUE(journal.set_machine(stranger.id, machine.sequence,
                                  {.provider = "moon", .place = "", .ref = "m"}));
  other_place.dies_at = other_place.calls.size();
  const auto all = list();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].word, "up");
  EXPECT_EQ(all[1].word, "unknown");
  EXPECT_EQ(all[1].detail, "the place did not answer");
  EXPECT_EQ(all[2].word, "unknown");
  EXPECT_NE(all[2].detail.find("moon"), std::string::npos);
}

TEST_F(StatusTest, of_many_machines_is_one_question_to_their_place) {
  for (const auto* name : {"a", "b", "c"}) running(name);
  place.calls.clear();
  EXPECT_EQ(list().size(), 3U);
  EXPECT_EQ(std::ranges::count(place.calls, "observe"), 1);
}

TEST_F(StatusTest, of_a_forgotten_machine_is_gone_and_its_row_stays) {
  const auto row = running("a");
  place.forget_all();
  EXPECT_EQ(only().word, "gone");
  EXPECT_TRUE(open_journal().machine(row.id).value());
}

TEST_F(StatusTest, of_a_machine_on_its_way_follows_it_and_asks_it_nothing) {
  const auto row = running("a");
  const auto ref = open_journal().machine(row.id).value()->machine;
  place.slow_looks = 1;
  ASSERT_TRUE(provider.stop(ref, StopHow::gracefully, Wait{}));
  place.calls.clear();
  EXPECT_EQ(only().word, "stopping");
  EXPECT_EQ(only().word, "stopped");
  EXPECT_EQ(std::ranges::count(place.calls, "channel"), 0);
}

TEST_F(StatusTest, of_a_removal_that_was_cut_off_says_how_to_complete_it) {
  const auto row = running("a");
  ASSERT_TRUE(open_journal().want(row.id, Wanted::removed));
  EXPECT_EQ(only().word, "unfinished");
  EXPECT_NE(only().detail.find("carrel rm a"), std::string::npos);
}

TEST_F(StatusTest, of_a_workspace_whose_folder_has_vanished_says_so) {
  const auto row = running("a");
  std::filesystem::remove_all(row.folder);
  const auto status = only();
  EXPECT_FALSE(status.folder_exists);
  EXPECT_EQ(status.word, "up");
  EXPECT_EQ(status.detail, "its folder is not there any more");
}

TEST_F(StatusTest, of_a_machine_that_runs_says_when_it_powers_itself_off) {
  const auto row = running("a");
  const auto started = clock.wall();
  EXPECT_EQ(only().ends, started + std::chrono::hours(12));
  auto journal = open_journal();
  const auto machine = journal.machine(row.id).value();
  const auto extended = started + std::chrono::hours(20);
  ASSERT_TRUE(journal.set_extension(row.id, machine->sequence,
                                    {.made = started + std::chrono::hours(1), .ends = extended}));
  EXPECT_EQ(only().ends, extended);
  // the next start counts from the beginning
  ASSERT_TRUE(provider.stop(machine->machine, StopHow::gracefully, Wait{}));
  EXPECT_FALSE(only().ends) << "it does not run";
  clock.advance(std::chrono::hours(3));
  ASSERT_TRUE(provider.start(machine->machine, Wait{}));
  EXPECT_EQ(only().ends, clock.wall() + std::chrono::hours(12));
}

// One that does not answer does not keep the others waiting, nor is anything written down of it.
TEST_F(StatusTest, of_many_machines_is_known_but_for_one_that_is_silent) {
  for (const auto* name : {"a", "b", "c"}) running(name);
  machine().reachable = false;
  const auto all = list();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].word, "unknown");
  EXPECT_EQ(all[1].word, "up");
  EXPECT_EQ(all[2].word, "up");
}

// `up` was cut off between the start and its record: server.json knows.
TEST_F(StatusTest, finds_a_server_that_was_started_and_not_written_down) {
  const auto row = running("a");
  ASSERT_TRUE(open_journal().put_server(
      {.workspace = row.id, .instance = "i", .port = 8888, .runtime_folder = "/run/w"}));
  EXPECT_EQ(only().word, "unfinished");
  machine().files["/run/w/server.json"] = {
      R"({"instance":"i","supervisor":{"pid":7,"start_ticks":70},)"
      R"("server":{"pid":8,"start_ticks":80},"boot_id":"boot"})"};
  EXPECT_EQ(only().word, "starting");
  EXPECT_EQ(open_journal().server(row.id).value()->process->pid, 7) << "written down now";
}

}  // namespace
}  // namespace carrel
