#include "aws/throttle.hpp"

#include "os/clock.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

struct Documented {
  std::string_view action;
  BucketSize size;
};

// Those of EC2 that have a bucket of their own.
constexpr std::array own = {
    Documented{"RunInstances", {5, 2}},
    Documented{"StartInstances", {5, 2}},
    Documented{"TerminateInstances", {100, 5}},
    Documented{"CreateTags", {100, 10}},
    Documented{"AuthorizeSecurityGroupIngress", {50, 5}},
};

constexpr BucketSize filtered_describe{100, 20};
constexpr BucketSize describe{50, 10};
constexpr BucketSize mutating{50, 5};
// The other services document little or nothing: no more than a person's command needs.
constexpr BucketSize elsewhere{20, 5};

}  // namespace

Bucket bucket_of(std::string_view service, std::string_view action, bool filtered) {
  if (service != "ec2") return {std::string(service), elsewhere};
  const auto found = std::ranges::find(own, action, &Documented::action);
  if (found != own.end()) return {fmt::format("ec2/{}", action), found->size};
  if (!action.starts_with("Describe") && !action.starts_with("Get"))
    return {"ec2/mutating", mutating};
  if (filtered) return {"ec2/filtered", filtered_describe};
  return {"ec2/describe", describe};
}

Turn take_turn(const BucketSize& size, const std::optional<BucketLevel>& level, Instant now) {
  double tokens = size.burst;
  // a level from the future is one from before a restart of the computer
  if (level && level->at <= now) {
    const double passed = std::chrono::duration<double>(now - level->at).count();
    tokens = std::min(size.burst, level->tokens + passed * size.per_second);
  }
  tokens -= 1;
  const double seconds = tokens < 0 ? -tokens / size.per_second : 0;
  return {.level = {tokens, now},
          .delay = Milliseconds(static_cast<Milliseconds::rep>(std::ceil(seconds * 1000)))};
}

Milliseconds Throttle::take(const Bucket& bucket, std::string_view region, Instant now) {
  const std::scoped_lock lock(mutex_);
  std::string key = fmt::format("{}/{}", region, bucket.name);
  const auto found = levels_.find(key);
  const Turn turn = take_turn(
      bucket.size, found == levels_.end() ? std::nullopt : std::optional(found->second), now);
  levels_.insert_or_assign(std::move(key), turn.level);
  return turn.delay;
}

}  // namespace carrel
