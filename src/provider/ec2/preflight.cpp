#include "provider/ec2/preflight.hpp"

#include "aws/client.hpp"
#include "aws/credentials.hpp"
#include "aws/ec2_instances.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/free_tier.hpp"
#include "aws/sts.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/image.hpp"
#include "provider/ec2/market.hpp"
#include "provider/ec2/plan.hpp"
#include "workspace/check.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using State = Check::State;
using Json = nlohmann::json;

constexpr Money address_per_hour{5'000};  // a public IPv4 address, everywhere (AWS: "VPC pricing")
constexpr std::int64_t hours_of_day = 24;

std::string in_one(const Error& error) {
  return error.why.empty() ? error.what : fmt::format("{}: {}", error.what, error.why);
}

template <class T>
bool is_interrupted(const Result<T>& result) {
  return !result && result.error().reason == Reason::interrupted;
}

Check good(std::string name, std::string found) {
  return {.name = std::move(name), .state = State::ok, .found = std::move(found), .fix = {}};
}
Check missing(std::string name, std::string found, std::string fix) {
  return {.name = std::move(name),
          .state = State::missing,
          .found = std::move(found),
          .fix = std::move(fix)};
}
// It may be as it should be.
Check not_asked(std::string name, const Error& error) {
  return {.name = std::move(name),
          .state = State::optional,
          .found = "cannot be asked: " + in_one(error),
          .fix = error.hint};
}

Check machine_check(const Survey& survey) {
  if (!survey.choice) {
    return missing("machine", why_no_candidate(survey.hardware, survey.kinds.types),
                   "choose another with --gpu, --count or --instance");
  }
  const auto& type = survey.choice->type;
  std::string gpus;
  for (const auto& gpu : type.gpus) {
    gpus += fmt::format(", {} {} {}", gpu.count, gpu.manufacturer, gpu.name);
  }
  constexpr std::int64_t mib_of_gib = 1024;
  return good("machine", fmt::format("{}: {} vCPUs, {} GiB{}", type.name, type.vcpus,
                                     type.memory_mib / mib_of_gib, gpus));
}

Check zones_check(const Survey& survey) {
  const auto& choice = *survey.choice;
  if (!choice.zones.empty()) return good("zones", join(choice.zones, ", "));
  return missing("zones", fmt::format("no zone of {} has {}", survey.region, choice.type.name),
                 "choose another region with --region, or another machine");
}

Check network_check(const Survey& survey) {
  if (survey.network.vpc.empty()) {
    return missing("network", no_network(survey.region), network_hint(survey.region));
  }
  return good("network", fmt::format("{}, with subnets in {}", survey.network.vpc,
                                     join(survey.network.zones, ", ")));
}

Check image_check(const Survey& survey) {
  if (survey.image) {
    return good("image", fmt::format("{} ({})", survey.image->name, survey.image->id));
  }
  const auto& error = survey.image.error();
  if (error.reason != Reason::not_found) return not_asked("image", error);
  return missing("image", in_one(error), error.hint);
}

Check permission_check(const Survey& survey) {
  if (survey.permission) return good("permission", "may launch machines (dry run)");
  const auto& error = survey.permission.error();
  if (error.code != "UnauthorizedOperation") return not_asked("permission", error);
  return missing("permission", error.why, error.hint);
}

Check plan_check(const Survey& survey) {
  if (!survey.plan) return not_asked("plan", survey.plan.error());
  if (survey.plan->type != "FREE") return good("plan", "the account is not on the Free plan");
  return missing("plan",
                 "this account is on AWS's Free plan, which launches no machine with a GPU "
                 "whatever its quota",
                 "upgrade it to the Paid plan in the console under Billing");
}

Check quota_check(const Survey& survey) {
  if (!survey.quota) return not_asked("quota", survey.quota.error());
  const auto& type = survey.choice->type;
  const auto& use = *survey.quota;
  if (auto [found, fix] = quota_block(use, type, survey.region); !found.empty()) {
    return missing("quota", std::move(found), std::move(fix));
  }
  return good("quota", fmt::format("{}: {:.0f} vCPUs, {} in use, {} asks for {}", use.code,
                                   use.limit, use.used, type.name, type.vcpus));
}

Check price_check(const Survey& survey) {
  const auto offer = offers_of(survey).front();
  if (!offer.price_known) {
    return {.name = "price",
            .state = State::optional,
            .found = "unknown: AWS's price list does not say",
            .fix = "allow pricing:GetProducts, or look at https://aws.amazon.com/ec2/pricing"};
  }
  return good("price",
              fmt::format("{} an hour while it runs, {} a day while it is stopped{}",
                          to_string(offer.per_hour), to_string(offer.per_day_stopped),
                          offer.age ? ", asked " + duration_text(*offer.age) + " ago" : ""));
}

// What IAM says of a refusal, for people.
std::string reason_of_iam(const std::string& text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return printable(text);
  const auto context = json.value("context", Json::object());
  const auto word = [](const Json& from, const char* key) {
    const auto found = from.is_object() ? from.find(key) : from.end();
    return found != from.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto explicit_deny = json.find("explicitDeny");
  const bool denied =
      explicit_deny != json.end() && explicit_deny->is_boolean() && explicit_deny->get<bool>();
  return printable(fmt::format(
      "{} {} on {} to {}", denied ? "a policy denies" : "no policy allows", word(context, "action"),
      word(context, "resource"),
      word(context.is_object() ? context.value("principal", Json::object()) : Json(), "arn")));
}

}  // namespace

int Survey::disk_gib() const {
  return image ? std::max(hardware.disk_gib, static_cast<int>(image->root_gib)) : hardware.disk_gib;
}

Error decoded(const AwsClient& client, Error error, const Wait& wait) {
  constexpr std::string_view mark = "Encoded authorization failure message: ";
  const auto begin = error.why.find(mark);
  if (error.code != "UnauthorizedOperation" || begin == std::string::npos) return error;
  const auto from = begin + mark.size();
  const auto encoded = error.why.substr(from, error.why.find(' ', from) - from);
  const auto said = decode_authorization_message(client, encoded, wait);
  error.why.replace(begin, mark.size() + encoded.size(),
                    said ? "AWS's reason: " + reason_of_iam(*said)
                         : "AWS's reason is encoded, and this user may not decode it "
                           "(sts:DecodeAuthorizationMessage)");
  return error;
}

Result<Survey> survey(const AwsClient& client, const Ec2Cache& cache, const Hardware& hardware,
                      const Wait& wait) {
  const auto patterns = type_patterns(hardware);
  if (patterns.empty()) {
    const auto near = nearest(hardware.gpu, known_gpus());
    return usage_error(fmt::format("EC2 has no GPU called \"{}\"", printable(hardware.gpu)),
                       (near ? fmt::format("did you mean {}? ", *near) : "") +
                           "Known: " + join(known_gpus(), ", "));
  }
  Survey found{.region = client.region(), .hardware = hardware};
  // What does not need another's answer is asked at the same time.
  auto network = std::async([&] { return default_network(client, wait); });
  found.kinds = TRY(find_kinds(client, cache, patterns, wait));
  found.network = TRY(network.get());
  const auto fitting = candidates(hardware, found.kinds.types);
  if (fitting.empty()) return found;
  found.choice = choose(fitting, found.kinds.offerings, found.network.zones);
  const auto& type = found.choice->type;
  auto price = std::async([&] { return machine_price(client, cache, type.name, wait); });
  auto disk = std::async([&] { return disk_price(client, cache, wait); });
  auto quota = std::async([&] { return quota_use(client, type, found.kinds, wait); });
  auto plan = std::async([&]() -> Result<AccountPlan> {
    if (gpus_of(type) == 0) return AccountPlan{};
    return get_account_plan_state(client, wait);
  });
  found.image = find_image(client, hardware.image, type, wait);
  if (found.image) {
    found.permission = dry_run_instance(
        client,
        {.client_token = {},
         .image = found.image->id,
         .type = type.name,
         .key_name = {},
         .security_groups = {},
         .subnet = {},
         .zone = found.choice->zones.empty() ? std::string() : found.choice->zones.front(),
         .root_device = found.image->root_device,
         .disk_gib = found.disk_gib(),
         .tags = {{"carrel:workspace", "dry-run"}}},
        wait);
    if (!found.permission) {
      found.permission = fail(decoded(client, std::move(found.permission.error()), wait));
    }
  }
  found.plan = plan.get();
  found.quota = quota.get();
  found.price = TRY(price.get());
  found.disk_price = TRY(disk.get());
  if (is_interrupted(found.plan)) return fail(found.plan.error());
  if (is_interrupted(found.quota)) return fail(found.quota.error());
  if (is_interrupted(found.image)) return fail(found.image.error());
  if (is_interrupted(found.permission)) return fail(found.permission.error());
  return found;
}

std::vector<Check> checks_of(const Survey& survey) {
  std::vector<Check> checks{machine_check(survey)};
  if (survey.choice) checks.push_back(zones_check(survey));
  checks.push_back(network_check(survey));
  if (!survey.choice) return checks;
  checks.push_back(image_check(survey));
  if (survey.image) checks.push_back(permission_check(survey));
  if (gpus_of(survey.choice->type) > 0) checks.push_back(plan_check(survey));
  checks.push_back(quota_check(survey));
  checks.push_back(price_check(survey));
  return checks;
}

std::vector<Offer> offers_of(const Survey& survey) {
  Offer offer{.place = survey.region, .zone = {}, .type = survey.hardware.type};
  offer.market = "on-demand";
  if (!survey.choice) return {std::move(offer)};
  offer.type = survey.choice->type.name;
  offer.price_known = survey.price && survey.disk_price;
  Milliseconds age{0};
  if (survey.disk_price) {
    offer.per_day_stopped = disk_per_day(survey.disk_price->money, survey.disk_gib());
    age = std::max(age, survey.disk_price->age);
  }
  if (survey.price) {
    offer.per_hour = survey.price->money + address_per_hour +
                     Money{offer.per_day_stopped.micro_usd / hours_of_day};
    age = std::max(age, survey.price->age);
  }
  if (age > Milliseconds(0)) offer.age = age;
  std::vector<Offer> offers(std::max<std::size_t>(survey.choice->zones.size(), 1), offer);
  for (std::size_t i = 0; i < survey.choice->zones.size(); ++i) {
    offers[i].zone = survey.choice->zones[i];
  }
  return offers;
}

Check credentials_check(const Credentials& credentials, WallTime now) {
  std::string found = "from " + credentials.source;
  if (credentials.expires) {
    const auto left = std::chrono::duration_cast<Milliseconds>(*credentials.expires - now);
    found += left > Milliseconds(0) ? ", for another " + duration_text(left) : ", expired";
  }
  return good("credentials", std::move(found));
}

Check account_check(const CallerIdentity& identity) {
  auto found = fmt::format("{}, as {}", identity.account, identity.arn);
  // AWS Academy's learner labs hand out this role.
  if (identity.arn.contains(":assumed-role/voclabs/")) {
    found +=
        " (an AWS Academy lab: us-east-1 and us-west-2 only, its credentials end with its session)";
  }
  return good("account", printable(found));
}

Check region_check(const std::string& region, const std::vector<std::string>& enabled) {
  if (std::ranges::find(enabled, region) != enabled.end()) {
    return good("region", region + " is enabled");
  }
  const auto near = nearest(region, enabled);
  return missing("region", region + " is not enabled in this account, or there is no such region",
                 (near ? fmt::format("did you mean {}? ", *near) : "") +
                     fmt::format("Else: aws account enable-region --region-name {}", region));
}

}  // namespace carrel
