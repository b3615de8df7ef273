#include "provider/ec2/session.hpp"

#include "aws/chain.hpp"
#include "aws/client.hpp"
#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/throttle.hpp"
#include "base/error.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace carrel {
namespace {

// It becomes part of a host's name; the journal and flags are its sources.
bool is_region(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

AwsSession::AwsSession(ChainOutside outside, Environment environment,
                       std::optional<std::string> profile, Throttle& throttle,
                       std::function<void(std::string_view)> tell)
    : outside_(std::move(outside)),
      environment_(std::move(environment)),
      profile_(std::move(profile)),
      credentials_(
          [this](const Wait& wait) -> Result<Credentials> {
            const auto* config = TRY(this->config());
            return find_credentials(*config, outside_, wait);
          },
          outside_.clock),
      throttle_(throttle),
      tell_(std::move(tell)) {}

Result<const AwsConfig*> AwsSession::config() {
  if (!config_) config_ = TRY(load_aws_config(environment_, profile_));
  return &*config_;
}

Result<std::string> AwsSession::region(const Wait& wait) {
  if (region_.empty()) region_ = TRY(find_region(*TRY(config()), outside_.https, wait));
  return region_;
}

Result<const AwsClient*> AwsSession::in(const std::string& region) {
  if (const auto found = clients_.find(region); found != clients_.end()) return &found->second;
  if (!is_region(region)) {
    return usage_error("\"" + region + "\" is no AWS region", "for example eu-central-1");
  }
  const auto* config = TRY(this->config());
  const AwsOutside outside{.https = outside_.https,
                           .clock = outside_.clock,
                           .random = outside_.random,
                           .credentials = credentials_,
                           .throttle = throttle_,
                           .quota = quota_,
                           .pause = outside_.pause,
                           .tell = tell_};
  return &clients_.try_emplace(region, outside, region, endpoint_overrides(*config)).first->second;
}

}  // namespace carrel
