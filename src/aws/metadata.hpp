// Credentials and region from the machine that this program runs on: EC2's instance metadata
// service, version 2 only, and the credentials endpoint of a container (ECS, EKS).
#pragma once

#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "base/error.hpp"
#include "os/https.hpp"
#include "os/wait.hpp"

#include <optional>
#include <string>

namespace carrel {

// Reason::unreachable where there is no such service, which takes a second to know; not_found where
// the machine has no role. AWS_EC2_METADATA_DISABLED: as if there were none.
Result<Credentials> machine_credentials(const AwsConfig& config, Https& https, const Wait& wait);
Result<std::string> machine_region(const AwsConfig& config, Https& https, const Wait& wait);

// None where the environment names no container endpoint. Plain http is spoken only to loopback and
// to the addresses that ECS and EKS use.
Result<std::optional<Credentials>> container_credentials(const AwsConfig& config, Https& https,
                                                         const Wait& wait);

// The JSON that these services, the AWS CLI and a credential_process give (AccessKeyId,
// SecretAccessKey, Token or SessionToken, Expiration).
Result<Credentials> parse_credentials(const std::string& json, std::string source);

}  // namespace carrel
