#include "base/error.hpp"
#include "rig/on_rig.hpp"
#include "workspace/provider.hpp"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

TEST_F(OnRig, offers_every_zone_that_has_the_cheapest_type_with_what_it_costs) {
  const auto offers = must(provider->offers({}, patience()));
  ASSERT_GT(offers.size(), 1U);
  for (const auto& offer : offers) {
    EXPECT_EQ(offer.blocked, std::vector<std::string>());
    EXPECT_EQ(offer.place, "us-east-1");
    EXPECT_EQ(offer.type, "g4dn.xlarge");
    EXPECT_TRUE(offer.zone.starts_with("us-east-1")) << offer.zone;
    EXPECT_TRUE(offer.price_known);
    // $0.526, $0.005 for the address, 100 GB at $0.08 a month
    EXPECT_EQ(offer.per_day_stopped.micro_usd, 266'666);
    EXPECT_EQ(offer.per_hour.micro_usd, 526'000 + 5'000 + 11'111);
    EXPECT_FALSE(offer.age) << "nothing was cached";
  }
}

TEST_F(OnRig, says_what_stands_in_the_way) {
  struct Case {
    const char* what;
    Json settings;
    Hardware hardware;
    std::vector<std::string> says;
  };
  const std::vector<Case> cases = {
      {"a quota that is too small",
       {{"quotas", {{"L-DB2E81BA", 3}}}},
       {},
       {"g4dn.xlarge needs 4 vCPUs; the quota L-DB2E81BA of this account in us-east-1 is 3, and 0 "
        "run already: ask for 4"}},
      {"a quota that nobody has raised",
       {{"quotas", {{"L-DB2E81BA", nullptr}}}},
       {},
       {"is 0, and"}},
      {"the quota of another family",
       Json::object(),
       {.gpu = "A100", .gpu_count = 8},
       {"p4d.24xlarge needs 96 vCPUs; the quota L-417A185B"}},
      {"the free plan", {{"plan", "FREE"}}, {}, {"Free plan"}},
      {"an image that is not there",
       Json::object(),
       {.image = "ami-00000000000000000"},
       {"there is no image ami-00000000000000000 in us-east-1"}},
      {"a name that no image has",
       Json::object(),
       {.image = "nothing of this name"},
       {"there is no image \"nothing of this name\" for g4dn.xlarge in us-east-1"}},
      {"an image for other machines",
       Json::object(),
       {.type = "g5g.xlarge", .image = "ubuntu*amd64*"},
       {"for g5g.xlarge"}},
      {"a GPU that today's images do not support",
       {{"quotas", {{"L-417A185B", 96}}}},
       {.gpu = "v100", .gpu_count = 8},
       {"no Deep Learning image of today runs on p3dn.24xlarge"}},
      {"a number of GPUs that no machine has",
       Json::object(),
       {.gpu_count = 3},
       {"EC2 has no machine with 3 T4: it has them with 1, 4, 8"}},
      {"a type that is not there",
       Json::object(),
       {.type = "g9.huge"},
       {"there is no type g9.huge"}},
  };
  for (const auto& one : cases) {
    must(subject.control("reset", "{}"));
    set(one.settings);
    const auto offers = must(subject.open()->offers(one.hardware, patience()));
    ASSERT_FALSE(offers.empty()) << one.what;
    ASSERT_EQ(offers.front().blocked.size(), one.says.size()) << one.what;
    for (std::size_t i = 0; i < one.says.size(); ++i) {
      EXPECT_TRUE(offers.front().blocked[i].contains(one.says[i])) << offers.front().blocked[i];
    }
  }
}

TEST_F(OnRig, a_gpu_that_nobody_knows_is_a_mistake_of_whoever_asked) {
  const auto offers = provider->offers({.gpu = "A10"}, patience());
  ASSERT_FALSE(offers);
  EXPECT_EQ(offers.error().exit, Exit::usage);
  EXPECT_TRUE(offers.error().hint.contains("did you mean A10G?")) << offers.error().hint;
}

TEST_F(OnRig, an_unknown_price_is_said_and_prices_tell_their_age) {
  must(subject.control(
      "faults", R"({"faults": [{"kind": "internal", "action": "GetProducts", "count": 6}]})"));
  EXPECT_FALSE(must(provider->offers({}, patience())).front().price_known);
  must(subject.control("faults", R"({"faults": []})"));
  EXPECT_FALSE(must(provider->offers({}, patience())).front().age);
  subject.pass_time();
  const auto again = must(subject.open()->offers({}, patience())).front();
  EXPECT_TRUE(again.price_known);
  ASSERT_TRUE(again.age);
  EXPECT_GT(again.age->count(), 0);
}

TEST_F(OnRig, a_first_machine_takes_at_most_twenty_calls_and_another_thirteen) {
  make("token-a");
  EXPECT_LE(calls().size(), 19U) << "and one more for its address";
  const auto before = calls().size();
  provider = subject.open();
  make("token-b");
  EXPECT_LE(calls().size() - before, 12U) << "and one more for its address";
}

TEST_F(OnRig, who_may_not_ask_for_quotas_plan_and_prices_may_still_launch) {
  set({{"deny",
        {"servicequotas:GetServiceQuota", "freetier:GetAccountPlanState", "pricing:GetProducts"}}});
  EXPECT_FALSE(must(provider->offers({}, patience())).front().price_known);
  until(make("token-a"), MachineState::running);
}

}  // namespace
}  // namespace carrel
