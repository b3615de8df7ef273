// The request rates that AWS allows an account in a region (EC2 API reference, "Request
// throttling") kept on this side, so that AWS never has to refuse: token buckets that hold `burst`
// calls and refill at `per_second`. Here a bucket holds a second's refill less than AWS's: calls
// that leave in step do not arrive in step.
#pragma once

#include "os/clock.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace carrel {

struct BucketSize {
  double burst = 0;
  double per_second = 0;
};

struct Bucket {
  std::string name;  // calls with one name share a bucket
  BucketSize size;
};

// `filtered`: a Describe call that names filters, ids or a page size.
Bucket bucket_of(std::string_view service, std::string_view action, bool filtered);

// How full a bucket was at a moment. Negative: calls that wait for their turn.
struct BucketLevel {
  double tokens = 0;
  Instant at;
};

struct Turn {
  BucketLevel level;   // afterwards
  Milliseconds delay;  // until the call may be made; 0: at once
};

// Takes one token; pure. No level: the bucket is full.
Turn take_turn(const BucketSize& size, const std::optional<BucketLevel>& level, Instant now);

using BucketLevels = std::map<std::string, BucketLevel, std::less<>>;

// The buckets of this process. Any thread.
class Throttle {
 public:
  virtual ~Throttle() = default;
  // How long to wait before the call, whose token is taken.
  virtual Milliseconds take(const Bucket& bucket, std::string_view region, Instant now);

 private:
  std::mutex mutex_;
  BucketLevels levels_;
};

// The buckets of all processes that use this file (0600), each for a moment under its lock. The
// regions of two accounts are one here: rather too slow than refused. Where the file cannot be used
// they are this process's alone; what is damaged in it, or of another start of this computer, is as
// if it were full.
class SharedThrottle final : public Throttle {
 public:
  explicit SharedThrottle(std::filesystem::path file) : file_(std::move(file)) {}
  Milliseconds take(const Bucket& bucket, std::string_view region, Instant now) override;

 private:
  std::filesystem::path file_;  // its folder is made, private, where it is missing
};

// As the file has it. Pure.
std::string levels_text(const BucketLevels& levels);
BucketLevels read_levels(std::string_view text);

}  // namespace carrel
