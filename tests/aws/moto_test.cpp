// Typed calls against moto's server (test_moto.py starts it and looks at what these have done with
// boto3). The endpoint and the credentials come from the environment, by the chain.
#include "aws/chain.hpp"
#include "aws/client.hpp"
#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/ec2_instances.hpp"
#include "aws/ec2_network.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/quotas.hpp"
#include "aws/retry.hpp"
#include "aws/ssm.hpp"
#include "aws/sts.hpp"
#include "aws/throttle.hpp"
#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/https.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

const std::string public_key =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEPrCsPXE6bBPqCSvQa4ZbhCVMcFl4FvEcMG6bS+w8E0 a\n";

class Moto : public ::testing::Test {
 protected:
  template <class T>
  T must(Result<T> result) {
    if (result) return std::move(result).value();
    ADD_FAILURE() << result.error().what << ": " << result.error().why;
    std::exit(1);
  }
  void must(Result<> result) {
    EXPECT_TRUE(result) << result.error().what << ": " << result.error().why;
  }

  AwsClient client() {
    return {{.https = https_,
             .clock = clock_,
             .random = random_,
             .credentials = source_,
             .throttle = throttle_,
             .quota = quota_},
            "eu-west-1",
            endpoint_overrides(config_)};
  }

  Wait wait_ = Wait::at_most(std::chrono::seconds(60));

 private:
  AwsConfig config_ = must(load_aws_config(this_environment(), std::nullopt));
  CurlHttps https_;
  SystemClock clock_;
  SystemRandom random_;
  SystemProcesses processes_;
  CredentialsSource source_{
      [this](const Wait& wait) {
        return find_credentials(
            config_, {.https = https_, .processes = processes_, .clock = clock_, .random = random_},
            wait);
      },
      clock_};
  Throttle throttle_;
  RetryQuota quota_;
};

TEST_F(Moto, a_machine_is_launched_found_stopped_started_and_ended) {
  const AwsClient aws = client();
  const auto vpcs = must(describe_vpcs(aws, {{"is-default", {"true"}}}, wait_));
  ASSERT_EQ(vpcs.size(), 1);
  EXPECT_TRUE(vpcs[0].is_default);
  const auto subnets = must(describe_subnets(aws, {{"vpc-id", {vpcs[0].id}}}, wait_));
  ASSERT_FALSE(subnets.empty());
  EXPECT_TRUE(subnets[0].zone_default);
  EXPECT_GT(subnets[0].free_addresses, 0);
  const auto images = must(describe_images(aws, {.owners = {"099720109477"}}, wait_));
  ASSERT_FALSE(images.empty());
  EXPECT_FALSE(images[0].root_device.empty());

  const std::vector<Tag> tags = {{"Name", "hello & <you>"}, {"carrel:id", "01abc"}, {"empty", ""}};
  const NewSecurityGroup wanted = {
      .name = "carrel-test", .description = "a test's", .vpc = vpcs[0].id, .tags = tags};
  const std::string group = must(create_security_group(aws, wanted, wait_));
  const auto again = create_security_group(aws, wanted, wait_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "InvalidGroup.Duplicate");
  EXPECT_EQ(again.error().reason, Reason::exists);
  const std::vector<Ingress> rules = {{22, "2001:db8::/56", "v6"}, {22, "203.0.113.7/32", "home"}};
  must(authorize_ingress(aws, group, rules, wait_));
  must(authorize_ingress(aws, group, {{8888, "0.0.0.0/0", ""}}, wait_));
  must(revoke_ingress(aws, group, {{8888, "0.0.0.0/0", ""}}, wait_));
  const auto groups = must(describe_security_groups(aws, {{"group-id", {group}}}, wait_));
  ASSERT_EQ(groups.size(), 1);
  auto opened = groups[0].ingress;
  std::ranges::sort(opened);
  EXPECT_EQ(opened, rules);
  EXPECT_FALSE(groups[0].has_other_ingress);

  const KeyPair key = must(import_key_pair(aws, "carrel-key", public_key, tags, wait_));
  EXPECT_EQ(must(describe_key_pairs(aws, {{"key-name", {"carrel-key"}}}, wait_)).at(0).fingerprint,
            key.fingerprint);

  const Launch launch = {.client_token = "token-1",
                         .image = images[0].id,
                         .type = "g4dn.xlarge",
                         .key_name = "carrel-key",
                         .security_groups = {group},
                         .subnet = subnets[0].id,
                         .user_data = "#cloud-config\nruncmd: [\"true\"]\n",
                         .root_device = images[0].root_device,
                         .disk_gib = 100,
                         .tags = tags};
  must(dry_run_instance(aws, launch, wait_));
  const Instance instance = must(run_instance(aws, launch, wait_));
  EXPECT_EQ(instance.state, InstanceState::pending);
  const auto found =
      must(describe_instances(aws, {.filters = {{"tag:carrel:id", {"01abc"}}}}, wait_));
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].id, instance.id);
  EXPECT_EQ(found[0].state, InstanceState::running);
  EXPECT_EQ(found[0].tag("Name"), "hello & <you>");
  EXPECT_EQ(found[0].zone, subnets[0].zone);
  EXPECT_EQ(found[0].security_groups, std::vector{group});
  EXPECT_FALSE(found[0].public_address.empty());
  EXPECT_TRUE(found[0].launched);
  ASSERT_TRUE(found[0].volumes.contains(images[0].root_device));
  const auto volumes =
      must(describe_volumes(aws, {found[0].volumes.at(images[0].root_device)}, {}, wait_));
  ASSERT_EQ(volumes.size(), 1);
  EXPECT_EQ(volumes[0].size_gib, 100);
  EXPECT_TRUE(volumes[0].encrypted);
  EXPECT_EQ(volumes[0].instance, instance.id);

  must(get_console_output(aws, instance.id, true, wait_));
  must(create_tags(aws, {instance.id}, {{"more", "yes"}}, wait_));
  const auto stopped = must(stop_instances(aws, {instance.id}, StopKind::shutdown, wait_));
  EXPECT_EQ(stopped.at(0).before, InstanceState::running);
  EXPECT_EQ(must(describe_instances(aws, {.ids = {instance.id}}, wait_)).at(0).state,
            InstanceState::stopped);
  EXPECT_EQ(must(start_instances(aws, {instance.id}, wait_)).at(0).id, instance.id);
}

TEST_F(Moto, everything_is_ended) {
  const AwsClient aws = client();
  for (const Instance& instance : must(describe_instances(aws, {}, wait_))) {
    must(terminate_instances(aws, {instance.id}, wait_));
  }
  must(delete_key_pair(aws, "carrel-key", wait_));
  const auto groups = must(describe_security_groups(aws, {{"group-name", {"carrel-test"}}}, wait_));
  for (const SecurityGroup& group : groups) must(delete_security_group(aws, group.id, wait_));
}

TEST_F(Moto, what_it_offers_is_read) {
  const AwsClient aws = client();
  const auto regions = must(describe_regions(aws, wait_));
  EXPECT_NE(std::ranges::find(regions, "eu-west-1"), regions.end());
  const auto types = must(describe_instance_types(aws, {"g4dn.xlarge", "t3.micro"}, {}, wait_));
  ASSERT_EQ(types.size(), 2);
  const auto gpu = std::ranges::find(types, "g4dn.xlarge", &InstanceType::name);
  ASSERT_EQ(gpu->gpus.size(), 1);
  EXPECT_EQ(gpu->gpus[0].name, "T4");
  EXPECT_EQ(gpu->gpus[0].manufacturer, "NVIDIA");
  EXPECT_EQ(gpu->gpus[0].count, 1);
  EXPECT_EQ(gpu->vcpus, 4);
  EXPECT_EQ(gpu->memory_mib, 16384);
  EXPECT_GT(must(describe_instance_types(aws, {}, {{"instance-type", {"g4dn.*"}}}, wait_)).size(),
            3);
  const auto zones = must(describe_instance_type_offerings(aws, {"g4dn.xlarge"}, wait_));
  ASSERT_FALSE(zones.empty());
  EXPECT_TRUE(zones[0].zone.starts_with("eu-west-1"));
  EXPECT_EQ(must(get_caller_identity(aws, wait_)).account, "123456789012");
  const auto parameters = must(get_parameters_by_path(aws, "/images", wait_));
  EXPECT_EQ(parameters.size(), 25);
  EXPECT_EQ(must(get_parameter(aws, "/images/7", wait_)), "ami-7");
  const auto missing = get_parameter(aws, "/there/is/none", wait_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, "ParameterNotFound");
  EXPECT_EQ(missing.error().reason, Reason::not_found);
  const auto quota = get_service_quota(aws, "vpc", "L-A4707A72", wait_);
  ASSERT_TRUE(quota) << quota.error().what << quota.error().why;
  EXPECT_GT(quota->value, 0);
}

TEST_F(Moto, many_machines_are_read_page_by_page) {
  EXPECT_EQ(must(describe_instances(client(), {}, wait_)).size(),
            std::stoul(this_environment().at("MANY")));
}

TEST_F(Moto, a_machine_that_does_not_exist_is_not_found) {
  const auto found = describe_instances(client(), {.ids = {"i-0123456789abcdef0"}}, wait_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, "InvalidInstanceID.NotFound");
  EXPECT_EQ(found.error().reason, Reason::not_found);
}

TEST_F(Moto, right_keys_are_taken) {
  EXPECT_EQ(must(get_caller_identity(client(), wait_)).account, "123456789012");
  must(describe_instances(client(), {.filters = {{"tag:a b", {"*&=/~ü"}}}}, wait_));
  EXPECT_EQ(get_parameter(client(), "/there/is/none", wait_).error().code, "ParameterNotFound");
}

TEST_F(Moto, wrong_keys_are_refused) {
  const auto refused = describe_instances(client(), {}, wait_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "AuthFailure");
  EXPECT_EQ(refused.error().exit, Exit::act);
  const auto json = get_parameter(client(), "/x", wait_);
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().reason, Reason::refused);
}

}  // namespace
}  // namespace carrel
