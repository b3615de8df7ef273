#include "aws/service.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

std::string_view domain_of(std::string_view region) {
  using Domain = std::pair<std::string_view, std::string_view>;
  static constexpr std::array domains = {
      Domain("cn-", "amazonaws.com.cn"), Domain("us-iso-", "c2s.ic.gov"),
      Domain("us-isob-", "sc2s.sgov.gov"), Domain("eusc-", "amazonaws.eu")};
  for (const auto& [beginning, domain] : domains) {
    if (region.starts_with(beginning)) return domain;
  }
  return "amazonaws.com";
}

}  // namespace

std::string endpoint_url(const Service& service, std::string_view region,
                         const EndpointOverrides& overrides) {
  for (const std::string_view key : {service.id, std::string_view("")}) {
    if (const auto found = overrides.find(key); found != overrides.end()) {
      return found->second.ends_with('/') ? found->second : found->second + "/";
    }
  }
  return fmt::format("https://{}.{}.{}/", service.prefix, region, domain_of(region));
}

}  // namespace carrel
