#include "aws/throttle.hpp"

#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

const Instant noon{std::chrono::hours(12)};

class Shared : public ::testing::Test {
 protected:
  static Bucket launches() { return bucket_of("ec2", "RunInstances", true); }
  Milliseconds take(Instant now = noon) const {
    return SharedThrottle(file).take(launches(), "eu-west-1", now);
  }
  void empty() const {
    while (take() == Milliseconds(0)) continue;
  }
  std::string text() const { return read_file(file).value_or(""); }

  TemporaryFolder folder;
  std::filesystem::path file = folder.path() / "state/ec2/calls";
};

TEST(bucket, holds_a_seconds_refill_less_than_aws_documents) {
  EXPECT_EQ(bucket_of("ec2", "RunInstances", true).size.burst, 3);
  EXPECT_EQ(bucket_of("ec2", "RunInstances", true).size.per_second, 2);
  EXPECT_EQ(bucket_of("ec2", "DescribeInstances", true).size.burst, 80);
  EXPECT_EQ(bucket_of("ec2", "StopInstances", true).size.burst, 45);
}

TEST_F(Shared, processes_that_call_at_once_take_turns) {
  std::vector<Milliseconds> delays;
  std::mutex mutex;
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < 8; ++i) {
      processes.emplace_back([&] {
        for (int call = 0; call < 5; ++call) {
          const auto delay = take();  // an object of its own, as another process has
          const std::scoped_lock lock(mutex);
          delays.push_back(delay);
        }
      });
    }
  }
  std::ranges::sort(delays);
  ASSERT_EQ(delays.size(), 40U);
  for (std::size_t i = 0; i < delays.size(); ++i) {
    const auto expected = i < 3 ? 0 : static_cast<int>(i - 2) * 500;
    EXPECT_EQ(delays[i], Milliseconds(expected)) << i;
  }
}

TEST_F(Shared, a_region_has_buckets_of_its_own_and_they_fill_again) {
  empty();
  EXPECT_EQ(SharedThrottle(file).take(launches(), "us-east-1", noon), Milliseconds(0));
  EXPECT_GT(take(), Milliseconds(0));
  EXPECT_EQ(take(noon + std::chrono::seconds(10)), Milliseconds(0));
}

TEST_F(Shared, nobody_else_reads_the_file) {
  take();
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(file).permissions(), perms::owner_read | perms::owner_write);
  EXPECT_TRUE(text().contains("eu-west-1/ec2/RunInstances")) << text();
}

TEST_F(Shared, a_damaged_file_is_begun_anew) {
  empty();
  const auto whole = text();
  for (const auto& damaged :
       {std::string(), std::string("x"), whole.substr(0, whole.size() / 2), whole + "a b c\n",
        whole + "a nan 1\n", whole + "a -1e300 1\n", std::string(5000, '\n')}) {
    ASSERT_TRUE(write_file(file, damaged, 0600));
    EXPECT_EQ(take(), Milliseconds(0)) << damaged;
    EXPECT_TRUE(text().contains("RunInstances 2.000 ")) << text();
  }
}

TEST_F(Shared, who_looked_at_the_clock_first_and_comes_second_waits_as_well) {
  empty();
  EXPECT_GT(take(noon - Milliseconds(200)), Milliseconds(500));
}

TEST_F(Shared, a_level_of_before_a_restart_is_a_full_bucket) {
  empty();
  EXPECT_EQ(take(Instant(std::chrono::minutes(1))), Milliseconds(0));
}

TEST_F(Shared, where_the_file_cannot_be_used_a_process_keeps_to_its_own) {
  ASSERT_TRUE(write_file(folder.path() / "state", "no folder", 0600));
  SharedThrottle throttle(file);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(throttle.take(launches(), "eu-west-1", noon), Milliseconds(0));
  }
  EXPECT_EQ(throttle.take(launches(), "eu-west-1", noon), Milliseconds(500));
}

}  // namespace
}  // namespace carrel
