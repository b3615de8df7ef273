#include "aws/quotas.hpp"

#include "aws/client.hpp"
#include "aws/json.hpp"
#include "aws/json_call.hpp"
#include "aws/service.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace carrel {
namespace {

Result<Quota> ask(const AwsClient& client, std::string_view action, const std::string& service,
                  const std::string& code, const Wait& wait) {
  const Json answer = TRY(json_call(client, quotas_service, action,
                                    {{"ServiceCode", service}, {"QuotaCode", code}}, wait));
  const Json& quota = json_member(answer, "Quota");
  const auto value = json_number(quota, "Value");
  if (!value) {
    return fail({.what = fmt::format("the quota {} cannot be read", code),
                 .why = "AWS's answer has no value",
                 .hint = {},
                 .exit = Exit::failed,
                 .reason = Reason::corrupt,
                 .trace = {}});
  }
  return Quota{.code = json_text(quota, "QuotaCode"),
               .name = json_text(quota, "QuotaName"),
               .value = *value,
               .adjustable = json_member(quota, "Adjustable") == true};
}

}  // namespace

Result<Quota> get_service_quota(const AwsClient& client, const std::string& service,
                                const std::string& code, const Wait& wait) {
  return ask(client, "GetServiceQuota", service, code, wait);
}

Result<Quota> get_default_quota(const AwsClient& client, const std::string& service,
                                const std::string& code, const Wait& wait) {
  return ask(client, "GetAWSDefaultServiceQuota", service, code, wait);
}

}  // namespace carrel
