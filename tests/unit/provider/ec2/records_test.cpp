#include "provider/ec2/records.hpp"

#include "fakes/fake_clock.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "provider/ec2/access.hpp"
#include "provider/ec2/market.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

TEST(records, only_what_ec2_would_call_a_machine_or_a_token_becomes_part_of_a_path) {
  for (const auto* good : {"i-0", "i-0123456789abcdef0"}) EXPECT_TRUE(is_instance_id(good)) << good;
  for (const auto* bad : {"", "i-", "i-../..", "i-XYZ", "ami-0", "i-0/1", "i-0 "}) {
    EXPECT_FALSE(is_instance_id(bad)) << bad;
  }
  EXPECT_FALSE(is_instance_id("i-" + std::string(100, '0')));
  for (const auto* good : {"a", "0f-_Z"}) EXPECT_TRUE(is_launch_token(good)) << good;
  for (const auto* bad : {"", "..", "a/b", "a b", "a\n"}) EXPECT_FALSE(is_launch_token(bad)) << bad;
  EXPECT_FALSE(is_launch_token(std::string(65, 'a')));
}

TEST(records, a_machine_is_remembered_privately_and_forgotten_with_its_launch) {
  const TemporaryFolder folder;
  const Ec2Records records(folder.path() / "ec2");
  const auto launched = WallTime(std::chrono::seconds(1'795'519'000));
  EXPECT_FALSE(records.machine("i-0"));
  ASSERT_TRUE(records.begin_launch("token", {"eu-west-1@my course", "eu-west-1b"}));
  ASSERT_TRUE(records.launch("token"));
  EXPECT_EQ(records.launch("token")->place, "eu-west-1@my course");
  EXPECT_EQ(records.launch("token")->zone, "eu-west-1b");
  ASSERT_TRUE(
      records.set_machine("i-0", {.user = "ubuntu", .launched = launched, .token = "token"}));
  ASSERT_TRUE(records.machine("i-0"));
  EXPECT_EQ(records.machine("i-0")->user, "ubuntu");
  EXPECT_EQ(records.machine("i-0")->launched, launched);
  ASSERT_TRUE(records.set_machine("i-0", {.user = "", .launched = launched, .token = "token"}));
  ASSERT_TRUE(records.machine("i-0"));
  EXPECT_EQ(records.machine("i-0")->user, "");
  EXPECT_EQ(records.machine("i-0")->token, "token");
  EXPECT_FALSE(records.has_host_keys("i-0"));
  ASSERT_TRUE(records.pin_host_keys("i-0", {"ssh-ed25519 AAAA"}));
  EXPECT_EQ(read_file(records.known_hosts("i-0")), "i-0 ssh-ed25519 AAAA\n");
  EXPECT_EQ(records.host_keys("i-0"), std::vector<std::string>{"ssh-ed25519 AAAA"});
  EXPECT_EQ(records.admitted("i-0"), "");
  ASSERT_TRUE(records.set_admitted("i-0", "203.0.113.7/32"));
  EXPECT_EQ(records.admitted("i-0"), "203.0.113.7/32");
  ASSERT_TRUE(records.begin_launch("anywhere", {"eu-west-1", ""}));
  ASSERT_TRUE(records.launch("anywhere"));
  EXPECT_EQ(records.launch("anywhere")->zone, "");
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    EXPECT_EQ(entry.status().permissions() & fs::perms(077), fs::perms::none) << entry.path();
  }
  ASSERT_TRUE(records.forget_machine("i-0"));
  ASSERT_TRUE(records.forget_machine("i-0"));
  EXPECT_FALSE(records.has_host_keys("i-0"));
  EXPECT_FALSE(records.launch("token"));
}

TEST(records, a_damaged_record_is_as_good_as_none) {
  const TemporaryFolder folder;
  const Ec2Records records(folder.path());
  ASSERT_TRUE(records.set_machine("i-0", {.user = "ubuntu", .launched = {}, .token = "t"}));
  for (const auto* text : {"", " ", "a", "a b c"}) {
    ASSERT_TRUE(records.begin_launch("t", {"r", "z"}));
    ASSERT_TRUE(write_file(folder.path() / "launches/t", text, 0600));
    EXPECT_FALSE(records.launch("t")) << text;
  }
  for (const auto* text : {"", "ubuntu", "ubuntu x t", "a 1 b c"}) {
    ASSERT_TRUE(write_file(folder.path() / "machines/i-0/machine", text, 0600));
    EXPECT_FALSE(records.machine("i-0")) << text;
  }
  ASSERT_TRUE(write_file(folder.path() / "machines/i-0/machine", "ubuntu 1 ../../x", 0600));
  EXPECT_TRUE(records.forget_machine("i-0"));
}

TEST(cache, keeps_a_text_for_a_day_and_tells_its_age) {
  const TemporaryFolder folder;
  FakeClock clock;
  const Ec2Cache cache(folder.path() / "cache", clock);
  EXPECT_FALSE(cache.get("price"));
  cache.put("price", "1");
  clock.advance(std::chrono::hours(23));
  ASSERT_TRUE(cache.get("price"));
  EXPECT_EQ(cache.get("price")->age, std::chrono::hours(23));
  clock.advance(std::chrono::hours(2));
  EXPECT_FALSE(cache.get("price"));
  clock.advance(-std::chrono::hours(100));
  EXPECT_FALSE(cache.get("price")) << "from the future";
  cache.put("../../outside", "1");
  EXPECT_FALSE(fs::exists(folder.path().parent_path() / "outside"));
  for (const auto* damaged : {"", "x", "12", "x\n1\n"}) {
    ASSERT_TRUE(write_file(folder.path() / "cache/price", damaged, 0600));
    EXPECT_FALSE(cache.get("price")) << damaged;
  }
}

TEST(cache, types_and_zones_come_back_as_they_were_written) {
  const Kinds kinds{
      .types =
          {{.name = "g4dn.xlarge",
            .vcpus = 4,
            .memory_mib = 16384,
            .gpus = {{.name = "T4", .manufacturer = "NVIDIA", .count = 1, .memory_mib = 16384}},
            .architectures = {"x86_64"},
            .hypervisor = "nitro"},
           {.name = "g7e.2xlarge",
            .vcpus = 8,
            .memory_mib = 65536,
            .gpus = {{.name = "RTX PRO 6000",
                      .manufacturer = "NVIDIA",
                      .count = 1,
                      .memory_mib = 98304}},
            .architectures = {"x86_64"},
            .hypervisor = ""}},
      .offerings = {{"g4dn.xlarge", "eu-west-1a"}}};
  const auto back = kinds_of(to_text(kinds));
  ASSERT_TRUE(back);
  EXPECT_EQ(to_text(*back), to_text(kinds));
  ASSERT_EQ(back->types.size(), 2U);
  EXPECT_EQ(back->types[1].gpus.at(0).name, "RTX PRO 6000");
  EXPECT_EQ(back->types[1].hypervisor, "");
  EXPECT_EQ(back->offerings.at(0).zone, "eu-west-1a");
  for (const auto* damaged : {"type", "type a b c d e", "gpu 1 2 N T4", "zone a", "else"}) {
    EXPECT_FALSE(kinds_of(damaged)) << damaged;
  }
}

TEST(access, only_an_ipv4_address_is_an_address) {
  for (const auto* good : {"203.0.113.7", "10.0.0.1"}) EXPECT_TRUE(is_ipv4(good)) << good;
  for (const auto* bad : {"", "0.0.0.0/0", "1.2.3", "::1", "1.2.3.4 ", "1.2.3.256", "<html>"}) {
    EXPECT_FALSE(is_ipv4(bad)) << bad;
  }
}

}  // namespace
}  // namespace carrel
