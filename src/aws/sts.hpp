// Who calls, and as whom: AWS's Security Token Service. Typed calls over AwsClient.
#pragma once

#include "aws/client.hpp"
#include "aws/credentials.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <string>

namespace carrel {

struct CallerIdentity {
  std::string account;  // 12 digits
  std::string arn;      // "arn:aws:sts::123456789012:assumed-role/voclabs/user1"
  std::string user_id;
};
Result<CallerIdentity> get_caller_identity(const AwsClient& client, const Wait& wait);

struct RoleRequest {
  std::string role;               // its ARN
  std::string session_name = {};  // "": carrel
  std::string external_id = {};
  std::string duration_s = {};  // "": as the role says
};
Result<Credentials> assume_role(const AwsClient& client, const RoleRequest& request,
                                const Wait& wait);

// What an UnauthorizedOperation's encoded message says: JSON of IAM's, for people. Needs a
// permission of its own.
Result<std::string> decode_authorization_message(const AwsClient& client,
                                                 const std::string& encoded, const Wait& wait);

}  // namespace carrel
