#include "aws/retry.hpp"

#include "aws/errors.hpp"
#include "base/error.hpp"
#include "base/number.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <optional>
#include <string_view>

namespace carrel {
namespace {

constexpr int quota = 500;
constexpr int retry_cost = 5;
constexpr int timeout_cost = 10;
constexpr double longest_backoff_s = 20;

}  // namespace

bool is_worth_retrying(const Error& error, int status) {
  if (is_no_capacity(error.code)) return false;
  if (status == 500 || status == 502 || status == 503 || status == 504) return true;
  if (error.code == "RequestTimeout" || error.code == "RequestTimeoutException") return true;
  return error.reason == Reason::busy || error.reason == Reason::unreachable ||
         error.reason == Reason::timed_out || error.reason == Reason::corrupt;
}

Milliseconds backoff(int retry, double chance) {
  const double seconds = chance * std::min(std::exp2(retry), longest_backoff_s);
  return std::chrono::duration_cast<Milliseconds>(std::chrono::duration<double>(seconds));
}

std::optional<Milliseconds> retry_after(const HttpResponse& response) {
  const auto seconds = number_of<int>(response.header("Retry-After"));
  if (!seconds || *seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min(*seconds, 3600));
}

bool RetryQuota::take(bool timed_out) {
  const std::scoped_lock lock(mutex_);
  const int cost = timed_out ? timeout_cost : retry_cost;
  if (tokens_ < cost) return false;
  tokens_ -= cost;
  return true;
}

void RetryQuota::succeeded(int retries) {
  const std::scoped_lock lock(mutex_);
  tokens_ = std::min(quota, tokens_ + (retries > 0 ? retry_cost : 1));
}

}  // namespace carrel
