// Whether an account is on AWS's free plan, which launches no GPU whatever its quota.
#pragma once

#include "aws/client.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <string>

namespace carrel {

struct AccountPlan {
  std::string type;    // "FREE", "PAID"
  std::string status;  // "NOT_STARTED", "ACTIVE", "EXPIRED"
};
Result<AccountPlan> get_account_plan_state(const AwsClient& client, const Wait& wait);

}  // namespace carrel
