#include "aws/chain.hpp"

#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/metadata.hpp"
#include "aws/profile_sources.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/https.hpp"
#include "os/wait.hpp"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

Error no_credentials(const std::vector<std::string>& tried) {
  return credentials_error(
      "there are no AWS credentials", "tried:\n  " + join(tried, "\n  "),
      "aws configure, aws sso login, or set AWS_PROFILE; credentials of a course's lab go into "
      "~/.aws/credentials",
      Reason::not_found);
}

std::string short_of(const Error& error) {
  return error.why.empty() ? error.what : fmt::format("{}: {}", error.what, error.why);
}

}  // namespace

Result<Credentials> find_credentials(const AwsConfig& config, const ChainOutside& outside,
                                     const Wait& wait) {
  std::vector<std::string> tried;
  const std::string& profile = config.profile;
  if (config.profile_was_named) {
    tried.emplace_back("the environment: not asked, a profile is named");
  } else if (auto found = TRY(keys_in_environment(config))) {
    return *std::move(found);
  } else {
    tried.emplace_back("the environment: AWS_ACCESS_KEY_ID is not set");
  }
  if (auto found = TRY(role_of(config, profile, outside, wait))) return *std::move(found);
  if (auto found = TRY(sso_of(config, profile, outside, wait))) return *std::move(found);
  if (auto found = TRY(keys_of(config, profile))) return *std::move(found);
  if (auto found = TRY(process_of(config, profile, outside, wait))) return *std::move(found);
  tried.push_back(
      config.has_profile(profile)
          ? fmt::format("profile '{}': it has no keys, role, SSO session or credential_process",
                        profile)
          : fmt::format("~/.aws/credentials and ~/.aws/config: no profile '{}'", profile));
  if (auto found = TRY(container_credentials(config, outside.https, wait))) {
    return *std::move(found);
  }
  tried.emplace_back("a container's role: AWS_CONTAINER_CREDENTIALS_FULL_URI is not set");
  auto machine = machine_credentials(config, outside.https, wait);
  if (machine || machine.error().reason == Reason::interrupted) return machine;
  tried.push_back("an EC2 machine's role: " + short_of(machine.error()));
  return fail(no_credentials(tried));
}

Result<std::string> find_region(const AwsConfig& config, Https& https, const Wait& wait) {
  if (std::string region = configured_region(config); !region.empty()) return region;
  auto region = machine_region(config, https, wait);
  if (region || region.error().reason == Reason::interrupted) return region;
  return fail(credentials_error(
      "there is no AWS region",
      fmt::format("tried:\n  AWS_REGION and AWS_DEFAULT_REGION: not set\n  profile '{}': it has no "
                  "region\n  an EC2 machine's region: {}",
                  config.profile, short_of(region.error())),
      "set AWS_REGION, for example AWS_REGION=eu-central-1, or run aws configure",
      Reason::not_found));
}

}  // namespace carrel
