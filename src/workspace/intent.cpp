#include "workspace/intent.hpp"

#include "base/error.hpp"
#include "base/money.hpp"
#include "workspace/provider.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string asked_json(const Asked& asked) {
  const auto& [offer, hardware] = asked;
  return Json{{"place", offer.place},
              {"zone", offer.zone},
              {"type", offer.type},
              {"market", offer.market},
              {"per_hour_micro_usd", offer.per_hour.micro_usd},
              {"per_day_stopped_micro_usd", offer.per_day_stopped.micro_usd},
              {"image", hardware.image},
              {"disk_gib", hardware.disk_gib},
              {"from", hardware.from},
              {"user", hardware.user},
              {"lifetime_s", hardware.lifetime.count()}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Asked> read_asked(std::string_view json) {
  Asked asked;
  if (json.empty()) return asked;
  try {
    const auto value = Json::parse(json);
    asked.offer.place = value.at("place").get<std::string>();
    asked.offer.zone = value.at("zone").get<std::string>();
    asked.offer.type = value.at("type").get<std::string>();
    asked.offer.market = value.at("market").get<std::string>();
    asked.offer.per_hour.micro_usd = value.at("per_hour_micro_usd").get<std::int64_t>();
    asked.offer.per_day_stopped.micro_usd =
        value.at("per_day_stopped_micro_usd").get<std::int64_t>();
    asked.hardware.image = value.at("image").get<std::string>();
    asked.hardware.disk_gib = value.at("disk_gib").get<int>();
    asked.hardware.from = value.value("from", "");
    asked.hardware.user = value.value("user", "");
    asked.hardware.lifetime = std::chrono::seconds(value.at("lifetime_s").get<std::int64_t>());
  } catch (const Json::exception& error) {
    return fail({.what = "the journal says of a machine what makes no sense",
                 .why = error.what(),
                 .reason = Reason::corrupt});
  }
  asked.hardware.type = asked.offer.type;
  asked.hardware.region = asked.offer.place;
  return asked;
}

}  // namespace carrel
