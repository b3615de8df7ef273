#include "base/money.hpp"

#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace carrel {

std::string to_string(Money money) {
  const bool negative = money.micro_usd < 0;
  const auto bits = static_cast<std::uint64_t>(money.micro_usd);
  const std::uint64_t micro = negative ? 0 - bits : bits;
  const char* sign = negative ? "-" : "";
  const std::uint64_t tenths_of_mills = (micro + 50) / 100;
  if (micro == 0 || tenths_of_mills >= 100) {
    const std::uint64_t cents = (micro + 5'000) / 10'000;
    return fmt::format("{}${}.{:02}", sign, cents / 100, cents % 100);
  }
  if (tenths_of_mills > 0) return fmt::format("{}$0.{:04}", sign, tenths_of_mills);
  return fmt::format("{}$0.{:06}", sign, micro);
}

}  // namespace carrel
