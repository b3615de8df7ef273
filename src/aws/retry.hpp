// When a call is made again: the standard mode of AWS's tools (AWS SDKs reference guide, "Retry
// behavior"): three attempts, a random pause that may double each time up to 20 seconds, and a
// quota of retries that failures use up, so that a broken region is not asked for ever. A pause is
// never shorter than the answer's Retry-After.
#pragma once

#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"

#include <mutex>
#include <optional>

namespace carrel {

inline constexpr int most_attempts = 3;

// An error that may be gone at the next attempt: throttled, no or no whole answer, HTTP 500, 502,
// 503, 504. No capacity is none, though EC2 answers it with 500: another zone must be tried.
bool is_worth_retrying(const Error& error, int status);

// Before the next attempt; `retry`: from 0; `chance`: random, 0 to 1.
Milliseconds backoff(int retry, double chance);

// Seconds as a number (RFC 9110 section 10.2.3), at most an hour; none when absent or a date.
std::optional<Milliseconds> retry_after(const HttpResponse& response);

// Any thread.
class RetryQuota {
 public:
  bool take(bool timed_out);  // false: enough has been retried
  void succeeded(int retries);

 private:
  std::mutex mutex_;
  int tokens_ = 500;
};

}  // namespace carrel
