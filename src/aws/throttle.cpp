#include "aws/throttle.hpp"

#include "base/number.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <expected>
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

// How long another process may hold the file: it reads and writes a few lines.
constexpr std::chrono::seconds lock_time{2};
// Whoever looked at the clock first may come second to the bucket. A level from further in the
// future is one from before a restart of the computer.
constexpr std::chrono::seconds most_overtaken{30};
constexpr std::string_view head = "carrel's calls to AWS 1";
constexpr std::size_t most_levels = 1000;
constexpr double most_waiting = 1000;

Bucket documented(std::string_view service, std::string_view action, bool filtered) {
  if (service != "ec2") return {std::string(service), elsewhere};
  const auto found = std::ranges::find(own, action, &Documented::action);
  if (found != own.end()) return {fmt::format("ec2/{}", action), found->size};
  if (!action.starts_with("Describe") && !action.starts_with("Get"))
    return {"ec2/mutating", mutating};
  if (filtered) return {"ec2/filtered", filtered_describe};
  return {"ec2/describe", describe};
}

std::string key_of(const Bucket& bucket, std::string_view region) {
  return fmt::format("{}/{}", region, bucket.name);
}

Milliseconds take_from(BucketLevels& levels, const Bucket& bucket, std::string_view region,
                       Instant now) {
  auto key = key_of(bucket, region);
  const auto found = levels.find(key);
  const Turn turn = take_turn(
      bucket.size, found == levels.end() ? std::nullopt : std::optional(found->second), now);
  levels.insert_or_assign(std::move(key), turn.level);
  return turn.delay;
}

}  // namespace

Bucket bucket_of(std::string_view service, std::string_view action, bool filtered) {
  auto bucket = documented(service, action, filtered);
  bucket.size.burst = std::max(1.0, bucket.size.burst - bucket.size.per_second);
  return bucket;
}

Turn take_turn(const BucketSize& size, const std::optional<BucketLevel>& level, Instant now) {
  BucketLevel left{.tokens = size.burst, .at = now};
  if (level && level->at < now + most_overtaken) {
    left.at = std::max(level->at, now);
    const double passed = std::chrono::duration<double>(left.at - level->at).count();
    left.tokens = std::min(size.burst, level->tokens + passed * size.per_second);
  }
  left.tokens -= 1;
  const double seconds = left.tokens < 0 ? -left.tokens / size.per_second : 0;
  return {.level = left,
          .delay = Milliseconds(static_cast<Milliseconds::rep>(std::ceil(seconds * 1000)))};
}

Milliseconds Throttle::take(const Bucket& bucket, std::string_view region, Instant now) {
  const std::scoped_lock lock(mutex_);
  return take_from(levels_, bucket, region, now);
}

std::string levels_text(const BucketLevels& levels) {
  std::string text = fmt::format("{}\n", head);
  for (const auto& [key, level] : levels) {
    text += fmt::format("{} {:.3f} {}\n", key, level.tokens, level.at.time_since_epoch().count());
  }
  return text;
}

BucketLevels read_levels(std::string_view text) {
  BucketLevels levels;
  const auto lines = lines_of(text);
  if (lines.empty() || lines.front() != head || lines.size() > most_levels) return levels;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto parts = split(lines[i], ' ');
    if (parts.size() != 3) return {};
    const auto tokens = number_of<double>(parts[1]);
    const auto at = number_of<Instant::rep>(parts[2]);
    if (!tokens || !at || !(std::abs(*tokens) < most_waiting)) return {};
    levels[parts[0]] = {.tokens = *tokens, .at = Instant(Instant::duration(*at))};
  }
  return levels;
}

Milliseconds SharedThrottle::take(const Bucket& bucket, std::string_view region, Instant now) {
  const auto alone = [&] { return Throttle::take(bucket, region, now); };
  if (!make_private_folder(file_.parent_path())) return alone();
  const auto lock = FileLock::acquire(file_, Wait::at_most(lock_time));
  const auto text = lock ? lock->text() : std::unexpected(lock.error());
  if (!text) return alone();
  auto levels = read_levels(*text);
  const auto delay = take_from(levels, bucket, region, now);
  if (!lock->set_text(levels_text(levels))) return alone();
  return delay;
}

}  // namespace carrel
