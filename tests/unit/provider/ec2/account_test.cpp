// Ec2Provider before an account that answers by a script: what is asked, and what is made of it.
#include "base/error.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/fake_https.hpp"
#include "fakes/fake_processes.hpp"
#include "fakes/fake_random.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/file.hpp"
#include "os/http.hpp"
#include "os/wait.hpp"
#include "provider/ec2/ec2_provider.hpp"
#include "provider/ec2/plan.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

using Tags = std::map<std::string, std::string>;

std::string instance_xml(std::string_view id, std::string_view state, const Tags& tags) {
  std::string text = fmt::format(
      "<item><instancesSet><item><instanceId>{}</instanceId><instanceState><name>{}</name>"
      "</instanceState><tagSet>",
      id, state);
  for (const auto& [key, value] : tags) {
    text += fmt::format("<item><key>{}</key><value>{}</value></item>", key, value);
  }
  return text + "</tagSet></item></instancesSet></item>";
}

HttpResponse shown(const std::string& instances) {
  return {.status = 200,
          .headers = {},
          .body = "<DescribeInstancesResponse><reservationSet>" + instances +
                  "</reservationSet></DescribeInstancesResponse>"};
}

Tags tags_of(std::string name, std::string computer) {
  return {{"carrel:workspace", "01jdexamp1e0000000000000aa"},
          {"carrel:name", std::move(name)},
          {"carrel:computer", std::move(computer)},
          {"carrel:owner", "anna"}};
}

MachineRef in(std::string place, std::string id) {
  return {.provider = "ec2", .place = std::move(place), .ref = std::move(id)};
}

class Account : public ::testing::Test {
 protected:
  std::vector<std::string> bodies() const {
    std::vector<std::string> all;
    for (const auto& call : https.calls()) all.push_back(call.body);
    return all;
  }

  TemporaryFolder folder;
  FakeProcesses processes;
  FakeHttps https;
  FakeClock clock;
  FakeRandom random;
  Ec2Provider provider{{.processes = processes,
                        .https = https,
                        .clock = clock,
                        .random = random,
                        .environment = {{"HOME", folder.path().string()},
                                        {"AWS_ACCESS_KEY_ID", "KEY"},
                                        {"AWS_SECRET_ACCESS_KEY", "hidden"},
                                        {"AWS_REGION", "us-east-1"}},
                        .paths = {.state = folder.path() / "state",
                                  .data = folder.path() / "data",
                                  .cache = folder.path() / "cache",
                                  .run = folder.path() / "run"},
                        .node_name = "desk"}};
};

TEST_F(Account, one_question_shows_this_computers_machines_and_all_others) {
  https.when("https://ec2.eu-west-1",
             shown(instance_xml("i-1", "running", tags_of("a", "desk")) +
                   instance_xml("i-2", "stopped", tags_of("b", "laptop")) +
                   instance_xml("i-3", "terminated", tags_of("c", "x")) +
                   instance_xml("i-4", "shutting-down", tags_of("d", "x"))));
  const auto listing = provider.list({in("eu-west-1", "i-1")}, Places::of_these, Wait{});
  ASSERT_TRUE(listing) << listing.error().what;
  ASSERT_EQ(bodies().size(), 1U);
  EXPECT_TRUE(bodies()[0].contains("Filter.1.Name=tag-key&Filter.1.Value.1=carrel%3Aworkspace"))
      << bodies()[0];
  ASSERT_EQ(listing->seen.size(), 1U);
  EXPECT_EQ(listing->seen[0].state, MachineState::running);
  ASSERT_EQ(listing->elsewhere.size(), 1U) << "what ends is nobody's any more";
  const auto& other = listing->elsewhere[0];
  EXPECT_EQ(other.machine, in("eu-west-1", "i-2"));
  EXPECT_EQ(other.name, "b");
  EXPECT_EQ(other.computer, "laptop");
  EXPECT_EQ(other.owner, "anna");
  EXPECT_EQ(other.seen.state, MachineState::stopped);
}

TEST_F(Account, a_machine_without_its_tags_is_asked_for_by_its_id) {
  https.when("https://ec2.eu-west-1", {shown(""), shown(instance_xml("i-1", "stopped", {}))});
  const auto listing = provider.list({in("eu-west-1", "i-1")}, Places::of_these, Wait{});
  ASSERT_TRUE(listing) << listing.error().what;
  EXPECT_EQ(bodies().size(), 2U);
  EXPECT_EQ(listing->seen[0].state, MachineState::stopped);
  EXPECT_TRUE(listing->elsewhere.empty());
}

TEST_F(Account, the_usual_region_is_asked_where_it_is_meant) {
  https.when("https://ec2.us-east-1",
             shown(instance_xml("i-2", "running", tags_of("b", "laptop"))));
  EXPECT_TRUE(provider.list({}, Places::of_these, Wait{})->elsewhere.empty());
  EXPECT_TRUE(https.calls().empty()) << "nor are credentials looked for";
  EXPECT_EQ(provider.list({}, Places::usual_too, Wait{})->elsewhere.size(), 1U);
  EXPECT_EQ(https.calls().size(), 1U);
  // one that is a place of theirs anyway is asked once
  https.when("https://ec2.us-east-1", shown(instance_xml("i-1", "running", tags_of("a", "desk"))));
  EXPECT_TRUE(
      provider.list({in("us-east-1", "i-1")}, Places::usual_too, Wait{})->elsewhere.empty());
  EXPECT_EQ(https.calls().size(), 2U);
}

TEST_F(Account, a_region_that_says_no_is_unknown_and_no_others_are) {
  https.when("https://ec2.us-east-1",
             shown(instance_xml("i-2", "running", tags_of("b", "laptop"))));
  https.when("https://ec2.eu-west-1",
             HttpResponse{.status = 403,
                          .headers = {},
                          .body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code>"
                                  "<Message>no</Message></Error></Errors></Response>"});
  const auto listing = provider.list({in("eu-west-1", "i-1")}, Places::usual_too, Wait{});
  ASSERT_TRUE(listing) << listing.error().what;
  EXPECT_EQ(listing->seen[0].state, MachineState::unknown);
  EXPECT_EQ(listing->elsewhere.size(), 1U);
  ASSERT_EQ(listing->unasked.size(), 1U);
  EXPECT_EQ(listing->unasked[0].code, "UnauthorizedOperation");
}

TEST_F(Account, two_profiles_of_one_account_show_a_machine_once) {
  const auto config = folder.path() / ".aws";
  std::filesystem::create_directory(config);
  ASSERT_TRUE(write_file(config / "credentials",
                         "[work]\naws_access_key_id = W\naws_secret_access_key = hidden\n", 0600));
  https.when("https://ec2.us-east-1",
             shown(instance_xml("i-1", "running", tags_of("a", "desk")) +
                   instance_xml("i-5", "running", tags_of("b", "desk")) +
                   instance_xml("i-2", "running", tags_of("c", "laptop"))));
  const auto listing = provider.list({in("us-east-1", "i-1"), in("us-east-1@work", "i-5")},
                                     Places::of_these, Wait{});
  ASSERT_TRUE(listing) << listing.error().what;
  EXPECT_EQ(https.calls().size(), 2U);
  EXPECT_EQ(std::ranges::count(listing->elsewhere, in("us-east-1", "i-2"), &MadeElsewhere::machine),
            1);
}

TEST(computer, is_the_first_part_of_its_node_name_made_valid) {
  EXPECT_EQ(computer_of("annas-laptop"), "annas-laptop");
  EXPECT_EQ(computer_of("Annas-MacBook-Pro.local"), "Annas-MacBook-Pro");
  EXPECT_EQ(computer_of("a b_c"), "a-b-c");
  for (const auto* nothing : {"", ".", "---", "_.x", "\xc3\xa9"})
    EXPECT_EQ(computer_of(nothing), "");
}

}  // namespace
}  // namespace carrel
