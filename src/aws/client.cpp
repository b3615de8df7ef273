#include "aws/client.hpp"

#include "aws/credentials.hpp"
#include "aws/errors.hpp"
#include "aws/params.hpp"
#include "aws/retry.hpp"
#include "aws/service.hpp"
#include "aws/sign.hpp"
#include "aws/throttle.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"
#include "os/https.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::chrono::seconds attempt_limit{60};
constexpr std::chrono::seconds told_wait{2};
constexpr const char* later_hint = "try again in a minute: what was done until here is kept";

double chance_of(Random& random) {
  const std::string bytes = random.bytes(sizeof(std::uint32_t));
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  return static_cast<double>(number) / static_cast<double>(UINT32_MAX);
}

}  // namespace

struct AwsClient::Call {
  const Service& service;
  std::string_view action;
  HttpsRequest request;  // not yet signed: each attempt has its own time
  SigningScope scope;
  Bucket bucket;
};

Result<> system_pause(Milliseconds duration, const Wait& wait) {
  if (duration.count() <= 0) return {};
  const Wait pause = wait.sooner(duration);
  auto waited = wait_for(-1, 0, pause);
  const bool whole = !wait.deadline || pause.deadline < wait.deadline;
  if (whole && waited.error().reason == Reason::timed_out) return {};
  return waited;
}

AwsClient::AwsClient(AwsOutside outside, std::string region, EndpointOverrides endpoints)
    : outside_(std::move(outside)), region_(std::move(region)), endpoints_(std::move(endpoints)) {}

Result<std::string> AwsClient::call(const Service& service, std::string_view action,
                                    const Params& params, const Wait& wait) const {
  const std::string arguments = params.form();
  std::string body = Params()
                         .add("Action", std::string(action))
                         .add("Version", std::string(service.version))
                         .form();
  if (!arguments.empty()) body += "&" + arguments;
  return make({.service = service,
               .action = action,
               .request = {.method = "POST",
                           .url = endpoint_url(service, region_, endpoints_),
                           .headers = {{"Content-Type",
                                        "application/x-www-form-urlencoded; charset=utf-8"}},
                           .body = std::move(body)},
               .scope = {region_, std::string(service.signing_name)},
               .bucket = bucket_of(service.signing_name, action, !arguments.empty())},
              wait);
}

Result<std::string> AwsClient::call_json(const Service& service, std::string_view action,
                                         const std::string& body, const Wait& wait) const {
  const std::string region = service.region.empty() ? region_ : std::string(service.region);
  return make(
      {.service = service,
       .action = action,
       .request = {.method = "POST",
                   .url = endpoint_url(service, region, endpoints_),
                   .headers = {{"Content-Type",
                                fmt::format("application/x-amz-json-{}", service.version)},
                               {"X-Amz-Target", fmt::format("{}.{}", service.target, action)}},
                   .body = body},
       .scope = {region, std::string(service.signing_name)},
       .bucket = bucket_of(service.signing_name, action, false)},
      wait);
}

Result<> AwsClient::pause(Milliseconds duration, const std::function<std::string()>& why,
                          const Wait& wait) const {
  if (duration >= told_wait && outside_.tell) {
    outside_.tell(fmt::format("waiting {}: {}", duration_text(duration), why()));
  }
  return outside_.pause(duration, wait);
}

Result<std::string> AwsClient::make(const Call& call, const Wait& wait) const {
  for (int retry = 0;; ++retry) {
    const Credentials credentials = TRY(outside_.credentials.get(wait));
    const Milliseconds turn =
        outside_.throttle.take(call.bucket, call.scope.region, outside_.clock.now());
    const auto rate = [&] {
      return fmt::format("AWS takes {:g} calls a second such as {}:{}", call.bucket.size.per_second,
                         call.scope.service, call.action);
    };
    TRY(pause(turn, rate, wait));
    auto response = outside_.https.send(
        signed_request(call.request, credentials, call.scope, outside_.clock.wall()),
        wait.sooner(attempt_limit));
    if (response && response->status == 200) {
      outside_.quota.succeeded(retry);
      return std::move(response->body);
    }
    const int status = response ? response->status : 0;
    const Milliseconds least =
        response ? retry_after(*response).value_or(Milliseconds(0)) : Milliseconds(0);
    Error error = response ? aws_error(call.service, call.action, *response, outside_.clock.wall())
                           : std::move(response).error().while_doing(fmt::format(
                                 "asking AWS for {}:{}", call.scope.service, call.action));
    const bool renewed = is_expired(error.code) && retry == 0;
    if (renewed) outside_.credentials.forget();
    const bool over = wait.deadline && outside_.clock.now() >= *wait.deadline;
    if ((!renewed && !is_worth_retrying(error, status)) || over || retry + 1 >= most_attempts ||
        !outside_.quota.take(error.reason == Reason::timed_out)) {
      if (error.hint.empty() && is_worth_retrying(error, status)) error.hint = later_hint;
      return fail(std::move(error));
    }
    const auto said = [&] {
      return error.why.empty() ? error.what : error.what + ": " + error.why;
    };
    const Milliseconds longer = std::max(backoff(retry, chance_of(outside_.random)), least);
    if (auto paused = pause(longer, said, wait); !paused) {
      // what AWS said tells more than that there is no time left to ask again
      if (paused.error().reason != Reason::timed_out) return fail(std::move(paused).error());
      return fail(std::move(error));
    }
  }
}

}  // namespace carrel
