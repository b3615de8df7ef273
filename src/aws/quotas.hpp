// How much of EC2 an account may use, by Service Quotas: vCPUs at a time, per region.
#pragma once

#include "aws/client.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <string>

namespace carrel {

struct Quota {
  std::string code;  // "L-DB2E81BA"
  std::string name;  // "Running On-Demand G and VT instances"
  double value = 0;
  bool adjustable = false;
};
// Reason::not_found: no value of its own was ever applied; the default holds.
Result<Quota> get_service_quota(const AwsClient& client, const std::string& service,
                                const std::string& code, const Wait& wait);
Result<Quota> get_default_quota(const AwsClient& client, const std::string& service,
                                const std::string& code, const Wait& wait);

}  // namespace carrel
