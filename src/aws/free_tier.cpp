#include "aws/free_tier.hpp"

#include "aws/client.hpp"
#include "aws/json.hpp"
#include "aws/json_call.hpp"
#include "aws/service.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

namespace carrel {

Result<AccountPlan> get_account_plan_state(const AwsClient& client, const Wait& wait) {
  const Json answer =
      TRY(json_call(client, free_tier_service, "GetAccountPlanState", Json::object(), wait));
  return AccountPlan{.type = json_text(answer, "accountPlanType"),
                     .status = json_text(answer, "accountPlanStatus")};
}

}  // namespace carrel
