// The sources of credentials that a profile can name. Private to aws/. None: the profile does not
// name this source.
#pragma once

#include "aws/chain.hpp"
#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <optional>
#include <string>
#include <vector>

namespace carrel {

using MaybeCredentials = Result<std::optional<Credentials>>;

// aws_access_key_id and aws_secret_access_key, in the credentials file or in the config file.
MaybeCredentials keys_of(const AwsConfig& config, const std::string& profile);
MaybeCredentials keys_in_environment(const AwsConfig& config);
// A program whose output they are. Its words are shown when it fails, its output never.
MaybeCredentials process_of(const AwsConfig& config, const std::string& profile,
                            const ChainOutside& outside, const Wait& wait);
// IAM Identity Center, with the token that `aws sso login` has left; where that has expired, what
// the AWS CLI itself can still do with it.
MaybeCredentials sso_of(const AwsConfig& config, const std::string& profile,
                        const ChainOutside& outside, const Wait& wait);
// role_arn, with the credentials of source_profile or credential_source. `above`: the profiles that
// lead here, so that a circle ends.
MaybeCredentials role_of(const AwsConfig& config, const std::string& profile,
                         const ChainOutside& outside, const Wait& wait,
                         std::vector<std::string> above = {});

Error credentials_error(std::string what, std::string why, std::string hint,
                        Reason reason = Reason::refused);

}  // namespace carrel
