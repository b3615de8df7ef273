// Money in integer micro-dollars: exact sums, rounded only when shown.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace carrel {

struct Money {
  std::int64_t micro_usd = 0;
  auto operator<=>(const Money&) const = default;
  Money operator+(Money other) const { return {micro_usd + other.micro_usd}; }
};

std::string to_string(Money money);  // "$0.00", "$1.25", "$0.0042" below a cent

}  // namespace carrel
