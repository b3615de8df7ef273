// What a machine costs, by AWS's Price List.
#pragma once

#include "aws/client.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "os/wait.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace carrel {

// On demand, Linux, shared tenancy, an hour; without disk and address. None: the list has no such
// machine there.
Result<std::optional<Money>> hourly_price(const AwsClient& client, const std::string& type,
                                          const std::string& region, const Wait& wait);

// A GB of a gp3 disk for a month.
Result<std::optional<Money>> gp3_price(const AwsClient& client, const std::string& region,
                                       const Wait& wait);

// "0.5260000000", rounded to the micro-dollar; none when it is no amount or above a million.
std::optional<Money> parse_usd(std::string_view text);

}  // namespace carrel
