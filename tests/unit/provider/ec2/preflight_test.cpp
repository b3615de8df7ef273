#include "provider/ec2/preflight.hpp"

#include "aws/credentials.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/sts.hpp"
#include "base/error.hpp"
#include "os/clock.hpp"
#include "provider/ec2/access.hpp"
#include "workspace/check.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

Survey all_is_well() {
  const InstanceType type{.name = "g4dn.xlarge",
                          .vcpus = 4,
                          .memory_mib = 16384,
                          .gpus = {{.name = "T4", .manufacturer = "NVIDIA", .count = 1}}};
  return {.region = "eu-west-1",
          .hardware = {},
          .kinds = {},
          .network = {.vpc = "vpc-1", .zones = {"eu-west-1a"}},
          .choice = Choice{.type = type, .zones = {"eu-west-1a"}},
          .image = Image{.id = "ami-1", .name = "an image", .root_gib = 120},
          .plan = {},
          .quota = QuotaUse{.code = "L-DB2E81BA", .limit = 8, .used = 4},
          .permission = {},
          .price = Price{.money = {500'000}},
          .disk_price = Price{.money = {80'000}}};
}

Error refused(std::string code) {
  return {.what = "AWS did not do it", .why = "it said no", .hint = "ask", .code = std::move(code)};
}

const Check* named(const std::vector<Check>& checks, const std::string& name) {
  const auto found = std::ranges::find(checks, name, &Check::name);
  return found == checks.end() ? nullptr : &*found;
}

TEST(preflight, nothing_is_missing_where_all_is_well) {
  for (const auto& check : checks_of(all_is_well())) {
    EXPECT_EQ(to_string(check.state), "ok") << check.name << ": " << check.found;
    EXPECT_EQ(check.fix, "") << check.name;
  }
  EXPECT_EQ(all_is_well().disk_gib(), 120) << "the image is larger than what was asked for";
}

TEST(preflight, what_cannot_be_asked_is_said_and_stands_in_nobodys_way) {
  auto survey = all_is_well();
  survey.quota = fail(refused("AccessDeniedException"));
  survey.plan = fail(refused("AccessDeniedException"));
  survey.permission = fail(refused("RequestLimitExceeded"));
  survey.price.reset();
  const auto checks = checks_of(survey);
  for (const auto* name : {"quota", "plan", "permission", "price"}) {
    ASSERT_TRUE(named(checks, name)) << name;
    EXPECT_EQ(to_string(named(checks, name)->state), "optional") << name;
    EXPECT_NE(named(checks, name)->fix, "") << name;
  }
}

TEST(preflight, a_refusal_and_a_full_quota_are_missing_and_say_what_mends_them) {
  auto survey = all_is_well();
  survey.permission = fail(refused("UnauthorizedOperation"));
  survey.quota->used = 5;
  survey.choice->zones.clear();
  survey.network = {};
  const auto checks = checks_of(survey);
  for (const auto* name : {"quota", "permission", "zones", "network"}) {
    ASSERT_TRUE(named(checks, name)) << name;
    EXPECT_EQ(to_string(named(checks, name)->state), "missing") << name;
    EXPECT_NE(named(checks, name)->fix, "") << name;
  }
  EXPECT_EQ(offers_of(survey).size(), 1U);
}

TEST(preflight, credentials_tell_where_they_are_from_and_how_long_they_last) {
  const WallTime now(std::chrono::hours(1000));
  Credentials credentials{.access_key = "AKIA", .secret_key = {}, .source = "the environment"};
  EXPECT_EQ(credentials_check(credentials, now).found, "from the environment");
  credentials.expires = now + std::chrono::minutes(4);
  EXPECT_TRUE(credentials_check(credentials, now).found.contains("for another 4 min"));
  EXPECT_FALSE(credentials_check(credentials, now).found.contains("AKIA"));
}

TEST(preflight, a_lab_is_recognised_by_its_role_and_by_nothing_else) {
  const auto says_lab = [](const std::string& arn) {
    return account_check({.account = "1", .arn = arn, .user_id = {}}).found.contains("Academy");
  };
  EXPECT_TRUE(says_lab("arn:aws:sts::123456789012:assumed-role/voclabs/user1=x"));
  EXPECT_FALSE(says_lab("arn:aws:sts::123456789012:assumed-role/voclabs2/user1"));
  EXPECT_FALSE(says_lab("arn:aws:iam::123456789012:user/voclabs"));
}

TEST(preflight, a_region_that_is_not_enabled_names_the_nearest) {
  EXPECT_EQ(to_string(region_check("eu-west-1", {"eu-west-1"}).state), "ok");
  const auto typo = region_check("eu-wset-1", {"eu-west-1", "us-east-1"});
  EXPECT_EQ(to_string(typo.state), "missing");
  EXPECT_TRUE(typo.fix.contains("did you mean eu-west-1?")) << typo.fix;
}

// ssh-keygen -l of the same key.
TEST(access, a_fingerprint_is_as_ssh_keygen_shows_it) {
  EXPECT_EQ(fingerprint_of(
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"),
            "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
  for (const auto* bad : {"", "ssh-ed25519", "ssh-ed25519 ?", "a b c"}) {
    EXPECT_EQ(fingerprint_of(bad), "") << bad;
  }
}

}  // namespace
}  // namespace carrel
