#include "provider/ec2/ec2_provider.hpp"

#include "aws/client.hpp"
#include "aws/ec2_instances.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/errors.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "base/text.hpp"
#include "machine/user_data.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/access.hpp"
#include "provider/ec2/image.hpp"
#include "provider/ec2/market.hpp"
#include "provider/ec2/plan.hpp"
#include "provider/ec2/records.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr Money address_per_hour{5'000};  // a public IPv4 address, everywhere (AWS: "VPC pricing")
constexpr std::int64_t hours_of_day = 24;
constexpr std::size_t longest_user_data = 16384;
constexpr auto lag = std::chrono::minutes(1);  // of EC2's answers behind its launches
constexpr Milliseconds lag_poll{1000};

std::string join_error(const Error& error) {
  return error.why.empty() ? error.what : fmt::format("{}: {}", error.what, error.why);
}

std::string no_network(const std::string& region) {
  return region + " has no default network (VPC)";
}
std::string network_hint(const std::string& region) {
  return "aws ec2 create-default-vpc --region " + region + " makes one";
}

Offer priced(const Choice& choice, const std::optional<Price>& machine,
             const std::optional<Price>& disk, int disk_gib) {
  Offer offer{.place = {}, .zone = {}, .type = choice.type.name, .market = "on-demand"};
  offer.price_known = machine && disk;
  Milliseconds age{0};
  if (disk) {
    offer.per_day_stopped = disk_per_day(disk->money, disk_gib);
    age = std::max(age, disk->age);
  }
  if (machine) {
    offer.per_hour =
        machine->money + address_per_hour + Money{offer.per_day_stopped.micro_usd / hours_of_day};
    age = std::max(age, machine->age);
  }
  if (age > Milliseconds(0)) offer.age = age;
  return offer;
}

}  // namespace

Ec2Provider::Ec2Provider(const Ec2Outside& outside)
    : outside_(outside),
      session_({.https = outside.https,
                .processes = outside.processes,
                .clock = outside.clock,
                .random = outside.random,
                .pause = outside.pause},
               outside.environment),
      records_(outside.paths.state / "ec2"),
      cache_(outside.paths.cache / "ec2", outside.clock) {}

ProviderFacts Ec2Provider::facts() const {
  return {.continuity = ProviderFacts::Continuity::same_machine,
          .supervisor = ProviderFacts::Supervisor::systemd,
          .root = true,
          .costs_money = true,
          .poll = {.first = Milliseconds(2000), .cap = Milliseconds(10'000), .batch = 1000}};
}

Result<Network> Ec2Provider::network(const AwsClient& client, const Wait& wait) {
  if (const auto found = networks_.find(client.region()); found != networks_.end()) {
    return found->second;
  }
  auto network = TRY(default_network(client, wait));
  if (!network.vpc.empty()) networks_[client.region()] = network;
  return network;
}

Result<InstanceType> Ec2Provider::type_named(const AwsClient& client, const std::string& name,
                                             const Wait& wait) {
  const auto key = client.region() + " " + name;
  if (const auto found = types_.find(key); found != types_.end()) return found->second;
  auto kinds = TRY(find_kinds(client, cache_, {name}, wait));
  const auto found = std::ranges::find(kinds.types, name, &InstanceType::name);
  if (found == kinds.types.end()) {
    return usage_error(fmt::format("there is no type {} in {}", printable(name), client.region()),
                       "aws ec2 describe-instance-types lists them");
  }
  return types_[key] = *found;
}

Result<Image> Ec2Provider::image_for(const AwsClient& client, const std::string& wanted,
                                     const InstanceType& type, const Wait& wait) {
  const auto key = client.region() + " " + type.name + " " + wanted;
  if (const auto found = images_.find(key); found != images_.end()) return found->second;
  return images_[key] = TRY(find_image(client, wanted, type, wait));
}

Result<std::vector<Offer>> Ec2Provider::offers(const Hardware& hardware, const Wait& wait) {
  const auto region = hardware.region.empty() ? TRY(session_.region(wait)) : hardware.region;
  const auto& client = *TRY(session_.in(region));
  const auto patterns = type_patterns(hardware);
  if (patterns.empty()) {
    const auto near = nearest(hardware.gpu, known_gpus());
    return usage_error(fmt::format("EC2 has no GPU called \"{}\"", printable(hardware.gpu)),
                       (near ? fmt::format("did you mean {}? ", *near) : "") +
                           "Known: " + join(known_gpus(), ", "));
  }
  // What does not need another's answer is asked at the same time.
  auto asked_network = std::async([&] { return default_network(client, wait); });
  const auto kinds = TRY(find_kinds(client, cache_, patterns, wait));
  const auto fitting = candidates(hardware, kinds.types);
  if (fitting.empty()) {
    return std::vector{Offer{.place = region,
                             .zone = {},
                             .type = hardware.type,
                             .market = "on-demand",
                             .blocked = {why_no_candidate(hardware, kinds.types)}}};
  }
  const auto network = networks_[region] = TRY(asked_network.get());
  const auto choice = choose(fitting, kinds.offerings, network.zones);
  const auto& type = types_[region + " " + choice.type.name] = choice.type;
  auto asked_blocks = std::async([&] { return account_blocks(client, type, kinds, wait); });
  auto asked_price = std::async([&] { return machine_price(client, cache_, type.name, wait); });
  auto asked_disk_price = std::async([&] { return disk_price(client, cache_, wait); });

  std::vector<std::string> blocked;
  if (choice.zones.empty()) {
    blocked.push_back(fmt::format("no zone of {} has {}", region, type.name));
  }
  if (network.vpc.empty()) {
    blocked.push_back(no_network(region) + ": " + network_hint(region));
  }
  int disk_gib = hardware.disk_gib;
  if (auto image = image_for(client, hardware.image, type, wait)) {
    disk_gib = std::max(disk_gib, static_cast<int>(image->root_gib));
  } else if (image.error().reason == Reason::not_found) {
    blocked.push_back(join_error(image.error()));
  } else {
    return fail(std::move(image.error()));
  }
  for (auto& block : TRY(asked_blocks.get())) blocked.push_back(std::move(block));
  auto offer = priced(choice, TRY(asked_price.get()), TRY(asked_disk_price.get()), disk_gib);
  offer.place = region;
  offer.blocked = std::move(blocked);
  std::vector<Offer> offers;
  for (const auto& zone : choice.zones) {
    offers.push_back(offer);
    offers.back().zone = zone;
  }
  if (offers.empty()) offers.push_back(std::move(offer));
  return offers;
}

Result<std::optional<MachineRef>> Ec2Provider::find_in(const AwsClient& client,
                                                       const std::string& token, const Wait& wait) {
  const auto found =
      TRY(describe_instances(client, {.filters = {{"client-token", {token}}}}, wait));
  if (found.empty()) return std::nullopt;
  return MachineRef{.provider = name(), .place = client.region(), .ref = found.front().id};
}

Result<std::optional<MachineRef>> Ec2Provider::find(const std::string& token, const Wait& wait) {
  if (!is_launch_token(token)) return std::nullopt;
  const auto launch = records_.launch(token);
  const auto region = launch ? launch->region : TRY(session_.region(wait));
  return find_in(*TRY(session_.in(region)), token, wait);
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

Result<Launch> Ec2Provider::launch_of(const AwsClient& client, const Intent& intent,
                                      const Wait& wait) {
  const auto type = TRY(type_named(client, intent.offer.type, wait));
  const auto image = TRY(image_for(client, intent.hardware.image, type, wait));
  const auto network = TRY(this->network(client, wait));
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
  const auto address = TRY(callers_address(outside_.https, outside_.environment, wait));
  const auto group = TRY(ensure_group(client, network.vpc, owner, address, wait));
  const int disk = std::max(intent.hardware.disk_gib, static_cast<int>(image.root_gib));
  Launch launch{
      .client_token = intent.token,
      .image = image.id,
      .type = type.name,
      .key_name = key_name,
      .security_groups = {group},
      .subnet = {},
      .zone = intent.offer.zone,
      .user_data = user_data({.lifetime = intent.hardware.lifetime}),
      .root_device = image.root_device,
      .disk_gib = disk,
      .tags = {{"Name", intent.name.text()},
               {"carrel:workspace", intent.workspace.text()},
               {"carrel:owner", owner},
               {"carrel:token", intent.token},
               {"carrel:disk", std::to_string(disk)}},
  };
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
  const auto& client = *TRY(session_.in(intent.offer.place));
  if (auto found = TRY(find_in(client, intent.token, wait))) return *std::move(found);
  auto launch = TRY(launch_of(client, intent, wait));
  // EC2 knows a token in one zone only, and shows late what it has launched: a launch that was
  // begun is asked for again where it was begun.
  if (const auto begun = records_.launch(intent.token); begun && begun->region == client.region()) {
    launch.zone = begun->zone;
  }
  TRY(records_.begin_launch(intent.token, {.region = client.region(), .zone = launch.zone}));
  auto made = run_instance(client, launch, wait);
  if (!made && made.error().code == "IdempotentParameterMismatch") {
    made = launched_before(client, launch, wait);
  }
  if (!made) {
    auto error = std::move(made.error());
    if (is_no_capacity(error.code)) error.reason = Reason::no_capacity;
    const bool nothing_was_made =
        error.reason == Reason::no_capacity || error.reason == Reason::refused;
    if (nothing_was_made) (void)records_.forget_launch(intent.token);
    return fail(std::move(error).while_doing(
        fmt::format("while launching {} in {}", launch.type,
                    launch.zone.empty() ? client.region() : launch.zone)));
  }
  const auto image = TRY(
      image_for(client, intent.hardware.image, TRY(type_named(client, launch.type, wait)), wait));
  // A record that is lost is made up for by questions; a machine that is lost goes on costing.
  (void)records_.set_machine(
      made->id,
      {.user = login_of(image), .launched = outside_.clock.wall(), .token = intent.token});
  return MachineRef{.provider = name(), .place = client.region(), .ref = made->id};
}

}  // namespace carrel
