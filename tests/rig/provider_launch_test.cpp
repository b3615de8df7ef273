#include "base/error.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "rig/on_rig.hpp"
#include "unit/workspace/provider_contract.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {

INSTANTIATE_TYPED_TEST_SUITE_P(ec2, ProviderContract, RigSubject);

namespace {

TEST_F(OnRig, what_is_launched_is_tagged_encrypted_and_stops_when_it_is_shut_down) {
  make("token-a", {.disk_gib = 120, .lifetime = std::chrono::hours(3)});
  const auto log = Json::parse(must(subject.control("log", "")));
  const auto run = std::ranges::find_if(log, [](const Json& e) {
    return e.at("action") == "RunInstances" && !e.at("params").contains("DryRun");
  });
  ASSERT_NE(run, log.end());
  const auto& params = run->at("params");
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"ClientToken", "token-a"},
      {"InstanceInitiatedShutdownBehavior", "stop"},
      {"MetadataOptions.HttpTokens", "required"},
      {"BlockDeviceMapping.1.Ebs.Encrypted", "true"},
      {"BlockDeviceMapping.1.Ebs.VolumeType", "gp3"},
      {"BlockDeviceMapping.1.Ebs.VolumeSize", "120"},
      {"TagSpecification.1.Tag.1.Key", "Name"},
      {"TagSpecification.1.Tag.1.Value", "test"},
      {"TagSpecification.2.Tag.3.Key", "carrel:owner"},
      {"TagSpecification.2.Tag.3.Value", "tester"},
      {"TagSpecification.3.Tag.4.Key", "carrel:token"},
      {"TagSpecification.3.Tag.4.Value", "token-a"},
  };
  for (const auto& [name, value] : wanted) EXPECT_EQ(params.value(name, ""), value) << name;
  EXPECT_TRUE(params.at("KeyName").get<std::string>().starts_with("carrel-tester-"));
}

TEST_F(OnRig, the_same_token_in_another_zone_and_with_another_wish_is_the_same_machine) {
  const auto first = make("token-a");
  auto offers = must(provider->offers({}, patience()));
  const auto again = provider->create(
      {.token = "token-a",
       .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(2)), "0123456789"),
       .name = WorkspaceName::from_folder("other"),
       .offer = offers.back(),
       .hardware = {.disk_gib = 300}},
      patience());
  EXPECT_EQ(must(again), first);
  EXPECT_EQ(subject.machines(), 1U);
}

TEST_F(OnRig, a_launch_whose_answer_was_lost_is_asked_for_again_in_its_zone_while_ec2_hides_it) {
  for (const int disk_gib : {100, 200}) {  // with another disk EC2 refuses the token
    must(subject.control("reset", "{}"));
    set({{"hidden_calls", 5}});
    provider = subject.open();
    const auto offers = must(provider->offers({}, patience()));
    ASSERT_NE(offers.front().zone, offers.back().zone);
    const auto create_at = [&](const Offer& offer, int gib) {
      return provider->create(
          {.token = "token-a",
           .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
           .name = WorkspaceName::from_folder("test"),
           .offer = offer,
           .hardware = {.disk_gib = gib}},
          patience());
    };
    subject.https().lost_action = "RunInstances";
    EXPECT_FALSE(create_at(offers.front(), 100));
    subject.https().lost_action.clear();
    EXPECT_EQ(must(provider->find("token-a", patience())), std::nullopt) << "it is hidden";
    const auto again = must(create_at(offers.back(), disk_gib));
    EXPECT_EQ(subject.machines(), 1U);
    EXPECT_EQ(must(provider->find("token-a", patience())), again);
  }
}

TEST_F(OnRig, a_zone_without_room_is_told_apart_from_a_quota) {
  set({{"capacity", {{"us-east-1a", 0}}}});
  const auto full = create("token-a");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().reason, Reason::no_capacity) << text_of(full.error());
  EXPECT_EQ(subject.machines(), 0U);

  const auto offers = must(provider->offers({}, patience()));
  set({{"quotas", {{"L-DB2E81BA", 0}}}});
  const auto quota = provider->create(
      {.token = "token-b",
       .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
       .name = WorkspaceName::from_folder("test"),
       .offer = offers.back()},
      patience());
  ASSERT_FALSE(quota);
  EXPECT_EQ(quota.error().exit, Exit::act);
  EXPECT_EQ(quota.error().reason, Reason::refused);
  EXPECT_EQ(quota.error().code, "VcpuLimitExceeded");
}

TEST_F(OnRig, another_address_of_this_computer_takes_the_place_of_the_one_before) {
  make("token-a");
  set({{"caller", "203.0.113.9"}});
  make("token-b");
  const auto log = Json::parse(must(subject.control("log", "")));
  std::vector<std::string> opened;
  std::vector<std::string> closed;
  for (const auto& entry : log) {
    if (entry.at("action") == "AuthorizeSecurityGroupIngress") {
      opened.push_back(entry.at("params").dump());
    }
    if (entry.at("action") == "RevokeSecurityGroupIngress") {
      closed.push_back(entry.at("params").dump());
    }
  }
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_TRUE(closed[0].contains("127.0.0.1/32")) << closed[0];
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_TRUE(opened[0].contains("127.0.0.1/32")) << opened[0];
  EXPECT_TRUE(opened[1].contains("203.0.113.9/32")) << opened[1];
}

TEST_F(OnRig, an_address_that_is_none_opens_nothing) {
  set({{"caller", "0.0.0.0/0"}});
  const auto made = create("token-a");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().exit, Exit::act);
  EXPECT_EQ(subject.machines(), 0U);
  const auto asked = calls();
  EXPECT_EQ(std::ranges::count(asked, "AuthorizeSecurityGroupIngress"), 0);
}

TEST_F(OnRig, killed_before_or_after_any_call_and_run_again_there_is_one_machine) {
  const auto offer = must(provider->offers({}, patience())).front();
  const auto create_with = [&](Provider& with) {
    return with.create(
        {.token = "token-a",
         .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
         .name = WorkspaceName::from_folder("test"),
         .offer = offer},
        patience());
  };
  int done = 0;
  for (int calls = 0; done < 2; ++calls) {
    done = 0;
    ASSERT_LT(calls, 20) << "it never ends";
    for (const bool lost : {false, true}) {
      must(subject.control("reset", "{}"));
      subject.https().answer_is_lost = lost;
      subject.https().calls_left = calls;
      if (create_with(*subject.open())) ++done;
      subject.https().calls_left = -1;
      const auto machine = must(create_with(*subject.open()));
      EXPECT_EQ(subject.machines(), 1U) << calls << (lost ? " and its answer" : "");
      EXPECT_EQ(must(subject.open()->find("token-a", patience())), machine);
    }
  }
}

TEST_F(OnRig, whatever_happens_to_a_call_that_makes_something_there_is_one_machine_in_the_end) {
  for (const auto* action :
       {"ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RunInstances"}) {
    for (const auto* kind : {"lost", "truncated", "throttled", "html", "refused"}) {
      must(subject.control("reset", "{}"));
      must(subject.control(
          "faults", Json{{"faults", {{{"kind", kind}, {"action", action}, {"count", 1}}}}}.dump()));
      provider = subject.open();
      const auto first = create("token-a");
      EXPECT_TRUE(first) << action << " " << kind << ": " << text_of(first.error());
      EXPECT_EQ(create("token-a").value_or(MachineRef{}), first.value_or(MachineRef{}));
      EXPECT_EQ(subject.machines(), 1U) << action << " " << kind;
    }
  }
}

TEST_F(OnRig, who_may_not_launch_is_told_so_in_aws_words) {
  const auto offer = must(provider->offers({}, patience())).front();
  set({{"deny", {"ec2:RunInstances"}}});
  const auto made = provider->create(
      {.token = "token-a",
       .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
       .name = WorkspaceName::from_folder("test"),
       .offer = offer},
      patience());
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().why.contains("a policy denies ec2:RunInstances")) << made.error().why;
  EXPECT_EQ(made.error().exit, Exit::act);
  EXPECT_EQ(made.error().code, "UnauthorizedOperation");
}

TEST_F(OnRig, a_key_pair_of_this_name_with_another_key_is_not_used) {
  make("token-a");
  subject.https().change = [](std::string& body) {
    replace_after(body, "DescribeKeyPairs", "<keyFingerprint>", "<keyFingerprint>A");
  };
  const auto made = create("token-b");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, Reason::unverified);
  EXPECT_EQ(made.error().exit, Exit::act);
  EXPECT_EQ(subject.machines(), 1U);
}

TEST_F(OnRig, the_private_key_is_private_and_goes_to_nobody) {
  make("token-a");
  const auto key = subject.paths().state / "ec2/key/id";
  EXPECT_EQ(std::filesystem::status(key).permissions(), std::filesystem::perms(0600));
  const auto lines = lines_of(must(read_file(key)));
  ASSERT_GT(lines.size(), 3U);
  EXPECT_FALSE(must(subject.control("log", "")).contains(lines[1]));
}

}  // namespace
}  // namespace carrel
