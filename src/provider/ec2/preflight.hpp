// What is found out before a machine is paid for, and what of it stands in the way. `up` asks it
// for its plan, `doctor` shows it line by line.
#pragma once

#include "aws/client.hpp"
#include "aws/credentials.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/free_tier.hpp"
#include "aws/sts.hpp"
#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/market.hpp"
#include "provider/ec2/plan.hpp"
#include "workspace/check.hpp"
#include "workspace/provider.hpp"

#include <optional>
#include <string>
#include <vector>

namespace carrel {

// Of one region, for one wish. Where nothing fits, only `hardware`, `kinds` and `network` are
// known.
struct Survey {
  std::string region;
  Hardware hardware;
  Kinds kinds;
  Network network;
  std::optional<Choice> choice;
  Result<Image> image;
  Result<AccountPlan> plan;  // asked for GPUs only
  Result<QuotaUse> quota;
  Result<> permission;  // of a launch in the first zone (a dry run); asked where there is an image
  std::optional<Price> price;
  std::optional<Price> disk_price;

  int disk_gib() const;  // as the image takes it
};

// Errors: interrupted; a GPU that nobody knows (usage); types, zones or the network cannot be
// asked.
Result<Survey> survey(const AwsClient& client, const Ec2Cache& cache, const Hardware& hardware,
                      const Wait& wait);

// Pure. A line each: machine, zones, network, image, permission, plan, quota, price. Those that are
// missing stand in the way of a launch.
std::vector<Check> checks_of(const Survey& survey);

// In the order of the zones; a single blocked one where there is none. Pure.
std::vector<Offer> offers_of(const Survey& survey);

// With what AWS's encoded message says in its place, where this user may read it.
Error decoded(const AwsClient& client, Error error, const Wait& wait);

// Who asks, from where; pure.
Check credentials_check(const Credentials& credentials, WallTime now);
Check account_check(const CallerIdentity& identity);
// `enabled`: of this account.
Check region_check(const std::string& region, const std::vector<std::string>& enabled);

}  // namespace carrel
