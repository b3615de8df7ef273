#include "aws/chain.hpp"
#include "aws/client.hpp"
#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/metadata.hpp"
#include "aws/profile_sources.hpp"
#include "aws/retry.hpp"
#include "aws/sts.hpp"
#include "aws/throttle.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

Result<Credentials> from_profile(const AwsConfig& config, const std::string& profile,
                                 const std::string& source, const ChainOutside& outside,
                                 const Wait& wait, const std::vector<std::string>& above) {
  if (!config.has_profile(source)) {
    return fail(credentials_error(
        fmt::format("profile '{}' takes its credentials from '{}'", profile, source),
        "there is no such profile", "look at source_profile in ~/.aws/config", Reason::not_found));
  }
  // a profile may be its own source: then its keys count
  if (source != profile) {
    if (auto found = TRY(role_of(config, source, outside, wait, above))) return *std::move(found);
  }
  if (auto found = TRY(sso_of(config, source, outside, wait))) return *std::move(found);
  if (auto found = TRY(keys_of(config, source))) return *std::move(found);
  if (auto found = TRY(process_of(config, source, outside, wait))) return *std::move(found);
  return fail(credentials_error(fmt::format("profile '{}' has no credentials", source),
                                fmt::format("profile '{}' takes its own from it", profile),
                                "aws configure --profile " + shell_quoted(source)));
}

Result<Credentials> from_named_source(const AwsConfig& config, const std::string& name,
                                      const ChainOutside& outside, const Wait& wait) {
  if (name == "Ec2InstanceMetadata") return machine_credentials(config, outside.https, wait);
  std::optional<Credentials> found;
  if (name == "Environment") found = TRY(keys_in_environment(config));
  if (name == "EcsContainer") found = TRY(container_credentials(config, outside.https, wait));
  if (found) return *std::move(found);
  return fail(credentials_error("a profile's credential_source has no credentials",
                                "it is " + printable(name),
                                "look at credential_source in ~/.aws/config"));
}

Result<Credentials> assume(const AwsConfig& config, const std::string& profile,
                           Credentials credentials, const ChainOutside& outside, const Wait& wait) {
  const auto setting = [&](const char* key) { return config.setting(profile, key); };
  if (!setting("mfa_serial").empty()) {
    return fail(credentials_error(
        fmt::format("the role of profile '{}' wants a code (MFA)", profile),
        "only the AWS CLI can ask for it",
        fmt::format(R"sh(eval "$(aws configure export-credentials --profile {} --format env)")sh",
                    shell_quoted(profile))));
  }
  std::string region = configured_region(config);
  if (region.empty()) region = "us-east-1";  // any has STS
  CredentialsSource source([&](const Wait&) -> Result<Credentials> { return credentials; },
                           outside.clock);
  Throttle throttle;
  RetryQuota quota;
  const AwsClient client({.https = outside.https,
                          .clock = outside.clock,
                          .random = outside.random,
                          .credentials = source,
                          .throttle = throttle,
                          .quota = quota,
                          .pause = outside.pause},
                         region, endpoint_overrides(config));
  auto assumed = TRY(assume_role(client,
                                 {.role = setting("role_arn"),
                                  .session_name = setting("role_session_name"),
                                  .external_id = setting("external_id"),
                                  .duration_s = setting("duration_seconds")},
                                 wait));
  assumed.source = fmt::format("the role of profile '{}'", profile);
  return assumed;
}

}  // namespace

MaybeCredentials role_of(const AwsConfig& config, const std::string& profile,
                         const ChainOutside& outside, const Wait& wait,
                         std::vector<std::string> above) {
  if (config.setting(profile, "role_arn").empty()) return std::optional<Credentials>();
  if (std::ranges::find(above, profile) != above.end()) {
    return fail(credentials_error("AWS's profiles take their credentials from each other",
                                  join(above, " -> ") + " -> " + profile,
                                  "look at source_profile in ~/.aws/config"));
  }
  above.push_back(profile);
  const std::string source = config.setting(profile, "source_profile");
  const std::string named = config.setting(profile, "credential_source");
  if (source.empty() && named.empty()) {
    return fail(
        credentials_error(fmt::format("profile '{}' has a role and no credentials for it", profile),
                          "it has neither source_profile nor credential_source",
                          "look at the profile in ~/.aws/config"));
  }
  Credentials credentials = source.empty()
                                ? TRY(from_named_source(config, named, outside, wait))
                                : TRY(from_profile(config, profile, source, outside, wait, above));
  return std::optional(TRY(assume(config, profile, std::move(credentials), outside, wait)));
}

}  // namespace carrel
