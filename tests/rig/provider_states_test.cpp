#include "base/error.hpp"
#include "rig/on_rig.hpp"
#include "workspace/provider.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

TEST_F(OnRig, a_stopped_machine_whose_zone_is_full_says_so) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  must(provider->stop(machine, StopHow::gracefully, patience()));
  until(machine, MachineState::stopped);
  set({{"capacity", {{"us-east-1a", 0}}}});
  const auto started = provider->start(machine, patience());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().reason, Reason::no_capacity);
  EXPECT_TRUE(started.error().hint.contains("stays in its zone"));
}

TEST_F(OnRig, a_machine_that_ends_while_it_starts_says_why) {
  set({{"launch_failure", "Client.VolumeLimitExceeded: Volume limit exceeded"}});
  const auto seen = until(make("token-a"), MachineState::gone);
  EXPECT_EQ(seen.reason, "Client.VolumeLimitExceeded: Volume limit exceeded");
}

TEST_F(OnRig, a_machine_that_ec2_does_not_show_yet_is_pending_and_can_be_removed) {
  set({{"hidden_calls", 3}});
  const auto machine = make("token-a");
  const auto seen = look(machine);
  EXPECT_EQ(static_cast<int>(seen.state), static_cast<int>(MachineState::pending));
  EXPECT_EQ(seen.reason, "EC2 does not show it yet");
  must(provider->remove(machine, Keep::nothing, patience()));
  until(machine, MachineState::gone);
  EXPECT_EQ(subject.machines(), 0U);
}

TEST_F(OnRig, a_region_that_does_not_answer_makes_its_machines_unknown_and_no_others) {
  const auto here = make("token-a");
  const auto there = make("token-b", {.region = "eu-west-1"});
  EXPECT_EQ(there.place, "eu-west-1");
  until(here, MachineState::running);
  until(there, MachineState::running);
  EXPECT_EQ(must(subject.open()->find("token-b", patience())), there);
  // The questions are asked in the order of the regions' names, each at most three times.
  must(subject.control(
      "faults",
      R"({"faults": [{"kind": "internal", "action": "DescribeInstances", "count": 3}]})"));
  const auto seen = must(provider->observe({here, there}, patience()));
  EXPECT_EQ(static_cast<int>(seen[0].state), static_cast<int>(MachineState::running));
  EXPECT_EQ(static_cast<int>(seen[1].state), static_cast<int>(MachineState::unknown));
  EXPECT_TRUE(seen[1].reason.contains("DescribeInstances")) << seen[1].reason;
  EXPECT_EQ(seen[1].last_known, MachineState::running);
}

TEST_F(OnRig, many_machines_are_one_question) {
  std::vector<MachineRef> machines = {make("token-a"), make("token-b")};
  until(machines[0], MachineState::running);
  const auto before = calls().size();
  for (int i = 0; i < 198; ++i) {
    machines.push_back({.provider = "ec2", .place = "us-east-1", .ref = "i-" + std::to_string(i)});
  }
  const auto seen = must(provider->observe(machines, patience()));
  EXPECT_EQ(calls().size() - before, 1U);
  ASSERT_EQ(seen.size(), machines.size());
  EXPECT_EQ(static_cast<int>(seen[1].state), static_cast<int>(MachineState::running));
  EXPECT_EQ(static_cast<int>(seen[2].state), static_cast<int>(MachineState::gone));
  // More than a filter takes: those that Carrel made, then what is left.
  machines.push_back(machines[1]);
  machines.push_back({.provider = "ec2", .place = "us-east-1", .ref = "i-fff"});
  const auto more = must(provider->observe(machines, patience()));
  EXPECT_LE(calls().size() - before, 3U);
  EXPECT_EQ(static_cast<int>(more[200].state), static_cast<int>(MachineState::running));
  EXPECT_EQ(static_cast<int>(more[201].state), static_cast<int>(MachineState::gone));
}

TEST_F(OnRig, a_machine_that_still_starts_cannot_be_stopped_and_says_so) {
  set({{"pending_s", 60.0}});
  const auto machine = make("token-a");
  const auto stopped = provider->stop(machine, StopHow::gracefully, patience());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().reason, Reason::busy);
  EXPECT_TRUE(stopped.error().hint.contains("pending")) << stopped.error().hint;
  EXPECT_TRUE(provider->start(machine, patience())) << "it is on its way";
}

}  // namespace
}  // namespace carrel
