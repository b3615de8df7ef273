// The request rates that AWS allows an account in a region (EC2 API reference, "Request
// throttling") kept on this side, so that AWS never has to refuse: token buckets that hold `burst`
// calls and refill at `per_second`.
#pragma once

#include "os/clock.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

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

// The buckets of this process. Any thread.
class Throttle {
 public:
  virtual ~Throttle() = default;
  // How long to wait before the call, whose token is taken.
  virtual Milliseconds take(const Bucket& bucket, std::string_view region, Instant now);

 private:
  std::mutex mutex_;
  std::map<std::string, BucketLevel, std::less<>> levels_;
};

}  // namespace carrel
