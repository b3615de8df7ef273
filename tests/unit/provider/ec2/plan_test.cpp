#include "provider/ec2/plan.hpp"

#include "aws/ec2_offers.hpp"
#include "base/money.hpp"
#include "machine/user_data.hpp"
#include "workspace/provider.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

InstanceType type(std::string name, std::int64_t vcpus, std::int64_t memory_gib, std::int64_t gpus,
                  std::string manufacturer = "NVIDIA") {
  InstanceType type{.name = std::move(name), .vcpus = vcpus, .memory_mib = memory_gib * 1024};
  if (gpus > 0) {
    type.gpus = {{.name = "any", .manufacturer = std::move(manufacturer), .count = gpus}};
  }
  return type;
}

std::vector<std::string> names(const std::vector<InstanceType>& types) {
  std::vector<std::string> names;
  for (const auto& one : types) names.push_back(one.name);
  return names;
}

TEST(plan, a_gpu_names_families_in_any_case_and_a_type_only_itself) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(type_patterns({}), Names{"g4dn.*"});
  EXPECT_EQ(type_patterns({.gpu = "l4"}), (Names{"g6.*", "gr6.*"}));
  EXPECT_EQ(type_patterns({.gpu = "T4", .type = "m7i.large"}), Names{"m7i.large"});
  EXPECT_EQ(type_patterns({.gpu = "RTX 9000"}), Names{});
}

TEST(plan, the_cheapest_that_fits_comes_first_and_the_count_is_never_taken_from_the_size) {
  const std::vector<InstanceType> types = {
      type("g4dn.16xlarge", 64, 256, 1), type("g4dn.12xlarge", 48, 192, 4),
      type("g4dn.xlarge", 4, 16, 1),     type("g4dn.metal", 96, 384, 8),
      type("g4dn.2xlarge", 8, 32, 1),
  };
  EXPECT_EQ(names(candidates({.gpu = "T4"}, types)),
            (std::vector<std::string>{"g4dn.xlarge", "g4dn.2xlarge", "g4dn.16xlarge"}));
  EXPECT_EQ(names(candidates({.gpu = "T4", .gpu_count = 4}, types)),
            std::vector<std::string>{"g4dn.12xlarge"});
  EXPECT_EQ(names(candidates({.gpu = "T4", .gpu_count = 8}, types)), std::vector<std::string>{});
  EXPECT_EQ(names(candidates({.type = "g4dn.metal"}, types)),
            std::vector<std::string>{"g4dn.metal"});
  EXPECT_EQ(names(candidates({.gpu = "L4"},
                             {type("gr6.4xlarge", 16, 128, 1), type("g6.8xlarge", 32, 128, 1)})),
            (std::vector<std::string>{"g6.8xlarge", "gr6.4xlarge"}))
      << "by family first";
}

TEST(plan, the_first_type_that_a_reachable_zone_has_is_chosen_with_all_its_zones) {
  const std::vector<InstanceType> fitting = {type("small", 4, 16, 1), type("large", 8, 32, 1)};
  const std::vector<Offering> offerings = {
      {"large", "zone-c"}, {"large", "zone-a"}, {"small", "zone-d"}, {"large", "zone-a"}};
  const auto reachable = choose(fitting, offerings, {"zone-a", "zone-b", "zone-c"});
  EXPECT_EQ(reachable.type.name, "large");
  EXPECT_EQ(reachable.zones, (std::vector<std::string>{"zone-a", "zone-c"}));
  EXPECT_EQ(choose(fitting, offerings, {}).zones, std::vector<std::string>{"zone-d"});
  const auto none = choose(fitting, offerings, {"zone-b"});
  EXPECT_EQ(none.type.name, "small");
  EXPECT_TRUE(none.zones.empty());
}

TEST(plan, a_quota_is_named_by_the_letters_before_the_generation) {
  const std::map<std::string, std::string> codes = {
      {"g4dn.xlarge", "L-DB2E81BA"}, {"g6e.xlarge", "L-DB2E81BA"},
      {"gr6.4xlarge", "L-DB2E81BA"}, {"vt1.3xlarge", "L-DB2E81BA"},
      {"p3.2xlarge", "L-417A185B"},  {"p6-b200.48xlarge", "L-417A185B"},
      {"inf2.xlarge", "L-1945791B"}, {"t3.micro", "L-1216C47A"},
      {"m7i.large", "L-1216C47A"},
  };
  for (const auto& [name, code] : codes) EXPECT_EQ(quota_code(name), code) << name;
}

TEST(plan, a_place_is_a_region_with_the_profile_that_was_named) {
  for (const auto* text : {"eu-west-1", "eu-west-1@course", "eu-west-1@me@work"}) {
    EXPECT_EQ(to_text(ec2_place(text)), text);
    EXPECT_EQ(ec2_place(text).region, "eu-west-1");
  }
  EXPECT_EQ(ec2_place("eu-west-1").profile, "");
  EXPECT_EQ(ec2_place("eu-west-1@me@work").profile, "me@work");
}

TEST(plan, a_quota_stands_in_the_way_only_when_what_runs_and_what_is_wanted_exceed_it) {
  const auto wanted = type("g5.xlarge", 4, 16, 1);
  EXPECT_EQ(quota_block({"L-DB2E81BA", 8, 4}, wanted, "eu-west-1").found, "");
  const auto block = quota_block({"L-DB2E81BA", 8, 5}, wanted, "eu-west-1");
  for (const auto* part : {"g5.xlarge needs 4", "L-DB2E81BA", "eu-west-1 is 8", "5 run"}) {
    EXPECT_TRUE(block.found.contains(part)) << block.found;
  }
  EXPECT_TRUE(block.fix.contains("ask for 9")) << block.fix;
}

TEST(plan, what_no_type_can_give_is_said_with_what_there_is) {
  EXPECT_EQ(why_no_candidate({.gpu = "A100"}, {type("p4d.24xlarge", 96, 1152, 8)}),
            "EC2 has no machine with 1 A100: it has them with 8");
  EXPECT_EQ(why_no_candidate({.gpu = "H100"}, {}), "there is no machine with H100 here");
  EXPECT_EQ(why_no_candidate({.type = "x.y"}, {}), "there is no type x.y here");
}

TEST(plan, the_open_driver_needs_turing_and_nvidia) {
  EXPECT_TRUE(has_open_driver(type("g4dn.xlarge", 4, 16, 1)));
  EXPECT_FALSE(has_open_driver(type("p3.2xlarge", 8, 61, 1)));
  EXPECT_FALSE(has_open_driver(type("g4ad.xlarge", 4, 16, 1, "AMD")));
}

TEST(plan, a_disk_costs_a_thirtieth_of_its_month_a_day) {
  EXPECT_EQ(disk_per_day(Money{80'000}, 100).micro_usd, 266'666);
  EXPECT_EQ(disk_per_day(Money{80'000}, 0).micro_usd, 0);
}

TEST(plan, a_persons_name_is_made_fit_for_names) {
  EXPECT_EQ(owner_of({{"USER", "ann"}}), "ann");
  EXPECT_EQ(owner_of({{"LOGNAME", "DOM\\ann b.c"}}), "DOM-ann-b-c");
  EXPECT_EQ(owner_of({{"USER", ""}, {"LOGNAME", "ann"}}), "ann");
  EXPECT_EQ(owner_of({{"USER", std::string(100, 'x')}}).size(), 40U);
  EXPECT_EQ(owner_of({}), "someone");
}

TEST(plan, who_logs_in_is_known_by_the_images_owner_and_name) {
  const std::map<std::string, std::optional<std::string>> logins = {
      {"Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.9 (Ubuntu 24.04) 20260411", "ubuntu"},
      {"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260612", "ubuntu"},
      {"Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20260618", "ec2-user"},
      {"debian-12-amd64-20260601-1234", "admin"},
      {"al2023-ami-2023.7.20260601.0-kernel-6.12-x86_64", "ec2-user"},
      {"my-course-2026", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& [name, login] : logins) EXPECT_EQ(login_of({.name = name}), login) << name;
  EXPECT_EQ(login_of({.name = "tuned", .owner_alias = "amazon"}), "ec2-user");
}

TEST(plan, who_should_log_in_is_read_from_cloud_inits_answer_and_nothing_else) {
  const auto answer = [](const std::string& login) {
    return "Please login as the user \"" + login + "\" rather than the user \"root\".";
  };
  for (const auto& login : {std::string("student"), std::string("_a-1"), std::string(32, 'a')}) {
    EXPECT_EQ(login_in_answer(answer(login)), login);
    EXPECT_EQ(login_in_answer(answer(login) + "\r"), login);
  }
  for (const auto& login :
       {std::string(), std::string("root"), std::string("NONE"), std::string("-oProxyCommand=x"),
        std::string("a b"), std::string("a\" rather"), std::string("a\n"), std::string("a\0b", 3),
        std::string("../a"), std::string("1a"), std::string("\x1b[31m"), std::string("\xc3\xa4"),
        std::string(33, 'a')}) {
    EXPECT_EQ(login_in_answer(answer(login)), std::nullopt) << login;
  }
  for (const auto* line : {"", "Please login as the user \"", "Please login as the user \"root\".",
                           "Please login as the user \" rather than the user \"root\".",
                           " Please login as the user \"a\" rather than the user \"root\".",
                           "Please login as the user \"a\" rather than the user \"root\". ",
                           "Please login as the user \"a\" rather than the user \"admin\"."}) {
    EXPECT_EQ(login_in_answer(line), std::nullopt) << line;
  }
}

TEST(plan, the_newest_line_counts_by_numbers_and_prefers_pytorch) {
  const auto path = [](const std::string& line) {
    return "/aws/service/deeplearning/ami/x86_64/" + line + "/latest/ami-id";
  };
  EXPECT_EQ(newest_line({path("oss-nvidia-driver-gpu-pytorch-2.9-ubuntu-24.04"),
                         path("oss-nvidia-driver-gpu-pytorch-2.13-ubuntu-22.04"),
                         path("oss-nvidia-driver-gpu-pytorch-2.13-ubuntu-24.04"),
                         path("oss-nvidia-driver-gpu-pytorch-2.14-amazon-linux-2023"),
                         path("base-oss-nvidia-driver-gpu-ubuntu-26.04")}),
            path("oss-nvidia-driver-gpu-pytorch-2.13-ubuntu-24.04"));
  EXPECT_EQ(newest_line({path("base-oss-nvidia-driver-gpu-ubuntu-22.04"),
                         path("base-oss-nvidia-driver-gpu-ubuntu-24.04"),
                         path("oss-nvidia-driver-gpu-tensorflow-2.18-ubuntu-26.04"),
                         "/aws/service/deeplearning/ami/x86_64/x"}),
            path("base-oss-nvidia-driver-gpu-ubuntu-24.04"));
  EXPECT_EQ(newest_line({"", "/", "latest/ami-id", path("neuron-ubuntu-24.04")}), std::nullopt);
}

TEST(plan, what_a_machine_is_told_fits_into_what_ec2_takes) {
  EXPECT_LT(user_data({}).size(), 16384U);
}

}  // namespace
}  // namespace carrel
