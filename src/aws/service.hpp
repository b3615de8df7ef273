// The services of AWS that are used, and where they are reached. The names, versions and targets
// are those of botocore's service models.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace carrel {

enum class Protocol {
  ec2,    // a form is posted, XML comes back; errors in <Response><Errors>
  query,  // likewise, errors in <ErrorResponse>
  json,   // X-Amz-Target names the action
};

struct Service {
  std::string_view id;      // as in AWS_ENDPOINT_URL_<ID>
  std::string_view prefix;  // of the host's name
  std::string_view signing_name;
  Protocol protocol;
  std::string_view version;      // the API's date; of json: "1.0" or "1.1"
  std::string_view target = "";  // json: what stands before the action
  std::string_view region = "";  // where it lives, if only there
};

inline constexpr Service ec2_service{"EC2", "ec2", "ec2", Protocol::ec2, "2016-11-15"};
inline constexpr Service sts_service{"STS", "sts", "sts", Protocol::query, "2011-06-15"};
inline constexpr Service ssm_service{"SSM", "ssm", "ssm", Protocol::json, "1.1", "AmazonSSM"};
inline constexpr Service quotas_service{
    "SERVICE_QUOTAS", "servicequotas", "servicequotas",
    Protocol::json,   "1.1",           "ServiceQuotasV20190624"};
inline constexpr Service pricing_service{
    "PRICING", "api.pricing", "pricing", Protocol::json, "1.1", "AWSPriceListService", "us-east-1"};
inline constexpr Service free_tier_service{
    "FREETIER", "freetier", "freetier", Protocol::json, "1.0", "AWSFreeTierService", "us-east-1"};

// Addresses in place of AWS's own: a service's id or "" (all of them) → URL.
using EndpointOverrides = std::map<std::string, std::string, std::less<>>;

// "https://ec2.eu-west-1.amazonaws.com/". Each partition has its own domain, by the region's name.
std::string endpoint_url(const Service& service, std::string_view region,
                         const EndpointOverrides& overrides);

}  // namespace carrel
