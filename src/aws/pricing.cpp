#include "aws/pricing.hpp"

#include "aws/client.hpp"
#include "aws/json.hpp"
#include "aws/json_call.hpp"
#include "aws/service.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "os/wait.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace carrel {
namespace {

Json term_match(std::string_view field, std::string_view value) {
  return {{"Type", "TERM_MATCH"}, {"Field", field}, {"Value", value}};
}

// A product is a JSON text: terms.OnDemand.*.priceDimensions.*.pricePerUnit.USD.
std::optional<Money> price_in(const std::string& product, std::string_view unit) {
  const auto json = parse_json_object(product, "a product of the price list");
  if (!json) return std::nullopt;
  for (const Json& term : json_member(json_member(*json, "terms"), "OnDemand")) {
    for (const Json& dimension : json_member(term, "priceDimensions")) {
      if (json_text(dimension, "unit") != unit) continue;
      const auto price = parse_usd(json_text(json_member(dimension, "pricePerUnit"), "USD"));
      if (price && price->micro_usd > 0) return price;
    }
  }
  return std::nullopt;
}

Result<std::optional<Money>> first_price(const AwsClient& client, const Json& filters,
                                         std::string_view unit, const Wait& wait) {
  const Json arguments = {
      {"ServiceCode", "AmazonEC2"}, {"FormatVersion", "aws_v1"}, {"Filters", filters}};
  std::optional<Money> price;
  TRY(json_pages(client, pricing_service, "GetProducts", arguments, wait, [&](const Json& page) {
    for (const Json& product : json_member(page, "PriceList")) {
      if (product.is_string() && !price) price = price_in(product.get<std::string>(), unit);
    }
    return !price;
  }));
  return price;
}

}  // namespace

std::optional<Money> parse_usd(std::string_view text) {
  double dollars = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), dollars, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(dollars >= 0 && dollars <= 1e6)) return std::nullopt;  // not a number neither
  return Money{static_cast<std::int64_t>(std::llround(dollars * 1e6))};
}

Result<std::optional<Money>> hourly_price(const AwsClient& client, const std::string& type,
                                          const std::string& region, const Wait& wait) {
  return first_price(client,
                     {term_match("instanceType", type), term_match("regionCode", region),
                      term_match("operatingSystem", "Linux"), term_match("tenancy", "Shared"),
                      term_match("preInstalledSw", "NA"), term_match("capacitystatus", "Used")},
                     "Hrs", wait);
}

Result<std::optional<Money>> gp3_price(const AwsClient& client, const std::string& region,
                                       const Wait& wait) {
  return first_price(client,
                     {term_match("productFamily", "Storage"), term_match("volumeApiName", "gp3"),
                      term_match("regionCode", region)},
                     "GB-Mo", wait);
}

}  // namespace carrel
