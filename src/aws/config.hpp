// What this person has told AWS's tools: the environment, ~/.aws/credentials and ~/.aws/config,
// read as the AWS CLI reads them (AWS SDKs and tools reference guide). Values; nothing is asked of
// the network.
#pragma once

#include "aws/service.hpp"
#include "base/error.hpp"
#include "os/process.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

// Keys in lower case. An indented setting of its own is "outer.inner": "ec2.endpoint_url".
using ConfigSection = std::map<std::string, std::string, std::less<>>;
using ConfigSections = std::map<std::string, ConfigSection, std::less<>>;

// By their names as they stand in the brackets: "default", "profile one", "sso-session s". A line
// that is none of section, setting or comment is passed over.
ConfigSections parse_config(std::string_view text);

struct AwsConfig {
  Environment environment;
  std::filesystem::path home;
  std::string profile = "default";
  bool profile_was_named = false;  // on the command line: then keys in the environment do not count
  ConfigSections credentials = {};  // of the credentials file, by profile
  ConfigSections profiles = {};     // of the config file, by profile
  ConfigSections sso_sessions = {};
  ConfigSections services = {};

  std::string variable(std::string_view name) const;  // "" when unset
  // A setting of a profile; "" when it is nowhere.
  std::string setting(std::string_view of_profile, std::string_view key) const;
  bool has_profile(std::string_view name) const;
  std::vector<std::string> profile_names() const;
};

// `profile`: from the command line, before AWS_PROFILE. A file that is not there is empty; a named
// profile that is in neither is an error, Exit::act.
Result<AwsConfig> load_aws_config(const Environment& environment,
                                  const std::optional<std::string>& profile);

// "" when only the machine's metadata service may know.
std::string configured_region(const AwsConfig& config);
// AWS_ENDPOINT_URL_EC2, AWS_ENDPOINT_URL, a profile's `services` and `endpoint_url`.
EndpointOverrides endpoint_overrides(const AwsConfig& config);
// AWS_CA_BUNDLE or a profile's `ca_bundle`.
std::optional<std::filesystem::path> certificate_authorities(const AwsConfig& config);

}  // namespace carrel
