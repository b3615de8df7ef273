// The person's way to AWS: credentials and region as every AWS tool finds them, looked for at the
// first call and not before, and one client for each region. One thread at a time. A session is as
// one profile: the one that was named, or what the environment and the default say.
#pragma once

#include "aws/chain.hpp"
#include "aws/client.hpp"
#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/retry.hpp"
#include "aws/throttle.hpp"
#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/https.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace carrel {

class AwsSession {
 public:
  // Everything that is referred to outlives it. `tell`: as AwsOutside has it.
  AwsSession(ChainOutside outside, Environment environment, std::optional<std::string> profile,
             Throttle& throttle, std::function<void(std::string_view)> tell);
  AwsSession(const AwsSession&) = delete;
  AwsSession& operator=(const AwsSession&) = delete;
  AwsSession(AwsSession&&) = delete;
  AwsSession& operator=(AwsSession&&) = delete;
  ~AwsSession() = default;

  // The region that the person's tools are set to.
  Result<std::string> region(const Wait& wait);
  Result<Credentials> credentials(const Wait& wait) { return credentials_.get(wait); }
  // A client lives as long as the session.
  Result<const AwsClient*> in(const std::string& region);

 private:
  Result<const AwsConfig*> config();

  ChainOutside outside_;
  Environment environment_;
  std::optional<std::string> profile_;
  std::optional<AwsConfig> config_;
  std::string region_;
  CredentialsSource credentials_;
  Throttle& throttle_;
  std::function<void(std::string_view)> tell_;
  RetryQuota quota_;
  std::map<std::string, AwsClient> clients_;
};

}  // namespace carrel
