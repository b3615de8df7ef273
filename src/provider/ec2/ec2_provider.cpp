#include "provider/ec2/ec2_provider.hpp"

#include "aws/chain.hpp"
#include "aws/client.hpp"
#include "aws/ec2_instances.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/errors.hpp"
#include "aws/sts.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "machine/user_data.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/access.hpp"
#include "provider/ec2/image.hpp"
#include "provider/ec2/market.hpp"
#include "provider/ec2/plan.hpp"
#include "provider/ec2/preflight.hpp"
#include "provider/ec2/records.hpp"
#include "provider/ec2/session.hpp"
#include "workspace/check.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::size_t longest_user_data = 16384;
constexpr auto lag = std::chrono::minutes(1);  // of EC2's answers behind its launches
constexpr Milliseconds lag_poll{1000};

}  // namespace

Ec2Provider::Ec2Provider(const Ec2Outside& outside)
    : outside_(outside),
      records_(outside.paths.state / "ec2"),
      cache_(outside.paths.cache / "ec2", outside.clock),
      throttle_(records_.folder() / "calls") {}

void Ec2Provider::tell_waits(const std::function<void(std::string_view)>& tell) {
  const std::scoped_lock lock(tell_mutex_);
  tell_ = tell;
}

void Ec2Provider::told(std::string_view text) {
  const std::scoped_lock lock(tell_mutex_);
  if (tell_) tell_(text);
}

AwsSession& Ec2Provider::session(const std::string& profile) {
  return sessions_
      .try_emplace(profile,
                   ChainOutside{.https = outside_.https,
                                .processes = outside_.processes,
                                .clock = outside_.clock,
                                .random = outside_.random,
                                .pause = outside_.pause},
                   outside_.environment, profile.empty() ? std::nullopt : std::optional(profile),
                   throttle_, [this](std::string_view text) { told(text); })
      .first->second;
}

Result<const AwsClient*> Ec2Provider::client(const std::string& place) {
  const auto [region, profile] = ec2_place(place);
  return session(profile).in(region);
}

Result<std::string> Ec2Provider::place_for(const Hardware& hardware, const Wait& wait) {
  return to_text({.region = hardware.region.empty() ? TRY(session(hardware.profile).region(wait))
                                                    : hardware.region,
                  .profile = hardware.profile});
}

ProviderFacts Ec2Provider::facts() const {
  return {.continuity = ProviderFacts::Continuity::same_machine,
          .supervisor = ProviderFacts::Supervisor::systemd,
          .root = true,
          .costs_money = true,
          .poll = {.first = Milliseconds(2000), .cap = Milliseconds(10'000), .batch = 1000}};
}

Result<Network> Ec2Provider::network(const std::string& place, const Wait& wait) {
  if (const auto found = networks_.find(place); found != networks_.end()) return found->second;
  auto network = TRY(default_network(*TRY(client(place)), wait));
  if (!network.vpc.empty()) networks_[place] = network;
  return network;
}

Result<InstanceType> Ec2Provider::type_named(const std::string& place, const std::string& name,
                                             const Wait& wait) {
  const auto key = place + " " + name;
  if (const auto found = types_.find(key); found != types_.end()) return found->second;
  auto kinds = TRY(find_kinds(*TRY(client(place)), cache_, {name}, wait));
  const auto found = std::ranges::find(kinds.types, name, &InstanceType::name);
  if (found == kinds.types.end()) {
    return usage_error(
        fmt::format("there is no type {} in {}", printable(name), ec2_place(place).region),
        "aws ec2 describe-instance-types lists them");
  }
  return types_[key] = *found;
}

Result<Image> Ec2Provider::image_for(const std::string& place, const std::string& wanted,
                                     const InstanceType& type, const Wait& wait) {
  const auto key = place + " " + type.name + " " + wanted;
  if (const auto found = images_.find(key); found != images_.end()) return found->second;
  return images_[key] = TRY(find_image(*TRY(client(place)), wanted, type, wait));
}

Result<Survey> Ec2Provider::look_around(const std::string& place, const Hardware& hardware,
                                        const Wait& wait) {
  auto found = TRY(survey(*TRY(client(place)), cache_, hardware, wait));
  if (!found.network.vpc.empty()) networks_[place] = found.network;
  if (!found.choice) return found;
  const auto& type = found.choice->type;
  types_[place + " " + type.name] = type;
  if (found.image) images_[place + " " + type.name + " " + hardware.image] = *found.image;
  return found;
}

Result<std::vector<Offer>> Ec2Provider::offers(const Hardware& hardware, const Wait& wait) {
  const auto place = TRY(place_for(hardware, wait));
  const auto survey = TRY(look_around(place, hardware, wait));
  if (survey.choice && !survey.image && survey.image.error().reason != Reason::not_found) {
    return fail(survey.image.error());
  }
  std::vector<std::string> blocked;
  for (const auto& check : checks_of(survey)) {
    if (check.state != Check::State::missing) continue;
    blocked.push_back(check.fix.empty() ? check.found
                                        : fmt::format("{}: {}", check.found, check.fix));
  }
  auto offers = offers_of(survey);
  for (auto& offer : offers) {
    offer.place = place;
    offer.blocked = blocked;
  }
  return offers;
}

Result<std::vector<Check>> Ec2Provider::checks(const Hardware& hardware, const Wait& wait) {
  std::vector<Check> checks;
  const auto stop_at = [&](std::string name, const Error& error) {
    if (error.exit == Exit::usage || error.reason == Reason::interrupted) {
      return Result<std::vector<Check>>(fail(error));
    }
    checks.push_back({.name = std::move(name),
                      .state = Check::State::missing,
                      .found = error.why.empty() ? error.what : error.what + ": " + error.why,
                      .fix = error.hint});
    return Result<std::vector<Check>>(checks);
  };
  auto& as = session(hardware.profile);
  const auto credentials = as.credentials(wait);
  if (!credentials) return stop_at("credentials", credentials.error());
  checks.push_back(credentials_check(*credentials, outside_.clock.wall()));
  const auto place = place_for(hardware, wait);
  if (!place) return stop_at("region", place.error());
  const auto region = ec2_place(*place).region;
  const auto* client = TRY(as.in(region));
  // A region that is not enabled takes no calls; this one is, in all of AWS's but China and
  // GovCloud.
  const bool apart = region.starts_with("cn-") || region.starts_with("us-gov-");
  const auto* home = apart ? client : TRY(as.in("us-east-1"));
  const auto identity = get_caller_identity(*home, wait);
  if (!identity) return stop_at("account", identity.error());
  checks.push_back(account_check(*identity));
  const auto enabled = describe_regions(*home, wait);
  if (!enabled) return stop_at("region", enabled.error());
  checks.push_back(region_check(region, *enabled));
  if (checks.back().state == Check::State::missing) return checks;
  const auto survey = look_around(*place, hardware, wait);
  if (!survey) return stop_at("EC2", survey.error());
  for (auto& check : checks_of(*survey)) checks.push_back(std::move(check));
  return checks;
}

Result<std::optional<MachineRef>> Ec2Provider::find_in(const std::string& place,
                                                       const std::string& token, const Wait& wait) {
  const auto found =
      TRY(describe_instances(*TRY(client(place)), {.filters = {{"client-token", {token}}}}, wait));
  if (found.empty()) return std::nullopt;
  return MachineRef{.provider = name(), .place = place, .ref = found.front().id};
}

Result<std::optional<MachineRef>> Ec2Provider::find(const std::string& token, const Wait& wait) {
  if (!is_launch_token(token)) return std::nullopt;
  const auto launch = records_.launch(token);
  return find_in(launch ? launch->place : TRY(place_for({}, wait)), token, wait);
}

// The machine of this token, which was launched when an image, an address or a wish was another.
Result<Instance> Ec2Provider::launched_before(const AwsClient& client, const Launch& launch,
                                              const Wait& wait) {
  const auto bounded = wait.sooner(lag);
  for (;;) {
    auto found = TRY(describe_instances(
        client, {.filters = {{"client-token", {launch.client_token}}}}, bounded));
    if (!found.empty()) return std::move(found.front());
    TRY(outside_.pause(lag_poll, bounded));
  }
}

Result<Entrance> Ec2Provider::entrance_for(const std::string& from, const Wait& wait) {
  const auto owner = owner_of(outside_.environment);
  const auto key =
      TRY(local_key(outside_.processes, outside_.environment, records_.folder(), wait));
  if (!from.empty()) return entrance_asked_for(owner, key, from);
  auto address = std::exchange(checked_address_, std::nullopt);
  if (!address) address = TRY(callers_address(outside_.https, outside_.environment, wait));
  return entrance_of_computer(owner, key, *address);
}

Result<> Ec2Provider::check_from(const Hardware& hardware, const Wait& wait) {
  if (!hardware.from.empty()) return {};
  checked_address_ = TRY(callers_address(outside_.https, outside_.environment, wait));
  return {};
}

Result<Launch> Ec2Provider::launch_of(const Intent& intent, const Entrance& entrance,
                                      const Wait& wait) {
  const auto& place = intent.offer.place;
  const auto& client = *TRY(this->client(place));
  const auto type = TRY(type_named(place, intent.offer.type, wait));
  const auto image = TRY(image_for(place, intent.hardware.image, type, wait));
  const auto network = TRY(this->network(place, wait));
  if (network.vpc.empty()) {
    return fail({.what = no_network(client.region()),
                 .why = {},
                 .hint = network_hint(client.region()),
                 .exit = Exit::act,
                 .trace = {}});
  }
  const auto owner = owner_of(outside_.environment);
  const auto key =
      TRY(local_key(outside_.processes, outside_.environment, records_.folder(), wait));
  const auto key_name = TRY(ensure_key_pair(client, key, owner, wait));
  const auto group = TRY(ensure_group(client, network.vpc, owner, entrance, wait));
  notes_.push_back(admitted_text(entrance, group.admitted));
  const int disk = std::max(intent.hardware.disk_gib, static_cast<int>(image.root_gib));
  Launch launch{
      .client_token = intent.token,
      .image = image.id,
      .type = type.name,
      .key_name = key_name,
      .security_groups = {group.id},
      .subnet = {},
      .zone = intent.offer.zone,
      .user_data = user_data({.lifetime = intent.hardware.lifetime}),
      .root_device = image.root_device,
      .disk_gib = disk,
      .tags = {{"Name", intent.name.text()},
               {workspace_tag, intent.workspace.text()},
               {owner_tag, owner},
               {"carrel:token", intent.token},
               {"carrel:disk", std::to_string(disk)},
               {name_tag, intent.name.text()}},
  };
  for (const auto& [tag, value] :
       {std::pair(from_tag, intent.hardware.from), std::pair(user_tag, intent.hardware.user),
        std::pair(computer_tag, computer_of(outside_.node_name))}) {
    if (!value.empty()) launch.tags.push_back({tag, value});
  }
  if (launch.user_data.size() > longest_user_data) {
    return fail({.what = "what a new machine is told is longer than EC2 takes",
                 .why = fmt::format("{} bytes of {}", launch.user_data.size(), longest_user_data),
                 .hint = {},
                 .trace = {}});
  }
  return launch;
}

Result<MachineRef> Ec2Provider::create(const Intent& intent, const Wait& wait) {
  if (!is_launch_token(intent.token)) {
    return fail({.what = "a machine was asked for without a token that EC2 takes", .trace = {}});
  }
  const auto& place = intent.offer.place;
  const auto& client = *TRY(this->client(place));
  if (auto found = TRY(find_in(place, intent.token, wait))) return *std::move(found);
  const auto entrance = TRY(entrance_for(intent.hardware.from, wait));
  auto launch = TRY(launch_of(intent, entrance, wait));
  // EC2 knows a token in one zone only, and shows late what it has launched: a launch that was
  // begun is asked for again where it was begun.
  if (const auto begun = records_.launch(intent.token); begun && begun->place == place) {
    launch.zone = begun->zone;
  }
  TRY(records_.begin_launch(intent.token, {.place = place, .zone = launch.zone}));
  auto made = run_instance(client, launch, wait);
  if (!made && made.error().code == "IdempotentParameterMismatch") {
    made = launched_before(client, launch, wait);
  }
  if (!made) {
    auto error = decoded(client, std::move(made.error()), wait);
    if (is_no_capacity(error.code)) error.reason = Reason::no_capacity;
    const bool nothing_was_made =
        error.reason == Reason::no_capacity || error.reason == Reason::refused;
    if (nothing_was_made) (void)records_.forget_launch(intent.token);
    return fail(std::move(error).while_doing(
        fmt::format("while launching {} in {}", launch.type,
                    launch.zone.empty() ? client.region() : launch.zone)));
  }
  auto user = intent.hardware.user;
  if (user.empty()) {
    const auto type = TRY(type_named(place, launch.type, wait));
    user = login_of(TRY(image_for(place, intent.hardware.image, type, wait))).value_or("");
  }
  // A record that is lost is made up for by questions; a machine that is lost goes on costing.
  (void)records_.set_machine(
      made->id,
      {.user = std::move(user), .launched = outside_.clock.wall(), .token = intent.token});
  (void)records_.set_admitted(made->id, entrance.cidr);
  return MachineRef{.provider = name(), .place = place, .ref = made->id};
}

}  // namespace carrel
