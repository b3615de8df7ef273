#include "provider/ec2/market.hpp"

#include "aws/client.hpp"
#include "aws/ec2_instances.hpp"
#include "aws/ec2_network.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/pricing.hpp"
#include "aws/quotas.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "base/number.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "provider/ec2/plan.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

std::optional<std::int64_t> count_of(std::string_view text) {
  const auto number = number_of<std::int64_t>(text);
  return number && *number >= 0 ? number : std::nullopt;
}

using Ask = std::function<Result<std::optional<Money>>()>;

std::optional<Price> price_kept(const Ec2Cache& cache, const std::string& name) {
  const auto kept = cache.get(name);
  const auto amount = kept ? count_of(trimmed(kept->text)) : std::nullopt;
  if (!amount) return std::nullopt;
  return Price{.money = {*amount}, .age = kept->age};
}

Result<std::optional<Price>> price(const Ec2Cache& cache, const std::string& name, const Ask& ask) {
  if (auto kept = price_kept(cache, name)) return kept;
  auto asked = ask();
  if (!asked && asked.error().reason == Reason::interrupted) return fail(std::move(asked.error()));
  if (!asked || !*asked) return std::nullopt;
  cache.put(name, std::to_string((*asked)->micro_usd));
  return Price{.money = **asked, .age = Milliseconds(0)};
}

// vCPUs of the machines that run under this quota.
Result<std::int64_t> vcpus_in_use(const AwsClient& client, std::string_view code,
                                  const Kinds& known, const Wait& wait) {
  const auto machines = TRY(describe_instances(
      client, {.filters = {{"instance-state-name", {"pending", "running"}}}}, wait));
  std::map<std::string, std::int64_t> count;
  for (const auto& machine : machines) {
    if (quota_code(machine.type) == code) ++count[machine.type];
  }
  std::vector<std::string> strangers;
  std::int64_t used = 0;
  const auto add = [&](const std::vector<InstanceType>& types) {
    for (const auto& type : types) {
      if (const auto found = count.find(type.name); found != count.end()) {
        used += found->second * type.vcpus;
        count.erase(found);
      }
    }
  };
  add(known.types);
  strangers.reserve(count.size());
  for (const auto& [type, machines_of_it] : count) strangers.push_back(type);
  if (!strangers.empty()) add(TRY(describe_instance_types(client, strangers, {}, wait)));
  return used;
}

}  // namespace

// Names are made of what AWS and people say.
std::filesystem::path Ec2Cache::file_of(std::string name) const {
  std::ranges::replace_if(name, [](char c) { return c == '*' || c == '/'; }, '_');
  return folder_ / name;
}

std::optional<Ec2Cache::Kept> Ec2Cache::get(const std::string& name) const {
  const auto text = read_file(file_of(name));
  if (!text) return std::nullopt;
  const auto line = text->find('\n');
  const auto written = count_of(std::string_view(*text).substr(0, line));
  if (!written || line == std::string::npos) return std::nullopt;
  const auto age = std::chrono::duration_cast<Milliseconds>(clock_.wall().time_since_epoch()) -
                   Milliseconds(*written);
  if (age < Milliseconds(0) || age > day) return std::nullopt;
  return Kept{.text = text->substr(line + 1), .age = age};
}

void Ec2Cache::put(const std::string& name, std::string_view text) const {
  const auto now = std::chrono::duration_cast<Milliseconds>(clock_.wall().time_since_epoch());
  if (!make_folder(folder_)) return;
  // A cache that cannot be written is asked again next time.
  (void)write_file(file_of(name), fmt::format("{}\n{}\n", now.count(), text), 0600);
}

std::string to_text(const Kinds& kinds) {
  std::string text;
  for (const auto& type : kinds.types) {
    text += fmt::format("type {} {} {} {} {}\n", type.name, type.vcpus, type.memory_mib,
                        type.hypervisor.empty() ? "-" : type.hypervisor,
                        type.architectures.empty() ? "-" : type.architectures.front());
    for (const auto& gpu : type.gpus) {
      text +=
          fmt::format("gpu {} {} {} {}\n", gpu.count, gpu.memory_mib, gpu.manufacturer, gpu.name);
    }
  }
  for (const auto& offer : kinds.offerings) {
    text += fmt::format("zone {} {}\n", offer.zone, offer.type);
  }
  return text;
}

std::optional<Kinds> kinds_of(std::string_view text) {
  Kinds kinds;
  for (const auto& line : lines_of(text)) {
    const auto parts = split(line, ' ');
    if (line.empty()) continue;
    if (parts[0] == "type" && parts.size() == 6) {
      const auto vcpus = count_of(parts[2]);
      const auto memory = count_of(parts[3]);
      if (!vcpus || !memory) return std::nullopt;
      kinds.types.push_back({.name = parts[1],
                             .vcpus = *vcpus,
                             .memory_mib = *memory,
                             .gpus = {},
                             .architectures = {parts[5]},
                             .hypervisor = parts[4] == "-" ? "" : parts[4]});
    } else if (parts[0] == "gpu" && parts.size() >= 5 && !kinds.types.empty()) {
      const auto count = count_of(parts[1]);
      const auto memory = count_of(parts[2]);
      if (!count || !memory) return std::nullopt;
      kinds.types.back().gpus.push_back({.name = join({parts.begin() + 4, parts.end()}, " "),
                                         .manufacturer = parts[3],
                                         .count = *count,
                                         .memory_mib = *memory});
    } else if (parts[0] == "zone" && parts.size() == 3) {
      kinds.offerings.push_back({.type = parts[2], .zone = parts[1]});
    } else {
      return std::nullopt;
    }
  }
  return kinds;
}

Result<Kinds> find_kinds(const AwsClient& client, const Ec2Cache& cache,
                         const std::vector<std::string>& patterns, const Wait& wait) {
  const auto name = fmt::format("kinds-{}-{}", client.region(), join(patterns, "-"));
  if (const auto kept = cache.get(name)) {
    if (auto kinds = kinds_of(kept->text); kinds && !kinds->types.empty()) return *std::move(kinds);
  }
  Kinds kinds{
      .types = TRY(describe_instance_types(client, {}, {{"instance-type", patterns}}, wait)),
      .offerings = {}};
  if (kinds.types.empty()) return kinds;
  std::vector<std::string> names;
  names.reserve(kinds.types.size());
  for (const auto& type : kinds.types) names.push_back(type.name);
  kinds.offerings = TRY(describe_instance_type_offerings(client, names, wait));
  cache.put(name, to_text(kinds));
  return kinds;
}

Result<Network> default_network(const AwsClient& client, const Wait& wait) {
  Network network;
  const auto vpcs = TRY(describe_vpcs(client, {{"is-default", {"true"}}}, wait));
  if (vpcs.empty()) return network;
  network.vpc = vpcs.front().id;
  for (const auto& subnet : TRY(describe_subnets(
           client, {{"vpc-id", {network.vpc}}, {"default-for-az", {"true"}}}, wait))) {
    network.zones.push_back(subnet.zone);
  }
  return network;
}

Result<std::optional<Price>> machine_price(const AwsClient& client, const Ec2Cache& cache,
                                           const std::string& type, const Wait& wait) {
  return price(cache, fmt::format("price-{}-{}", client.region(), type),
               [&] { return hourly_price(client, type, client.region(), wait); });
}

Result<std::optional<Price>> disk_price(const AwsClient& client, const Ec2Cache& cache,
                                        const Wait& wait) {
  return price(cache, fmt::format("price-{}-gp3", client.region()),
               [&] { return gp3_price(client, client.region(), wait); });
}

std::optional<Price> cached_machine_price(const Ec2Cache& cache, const std::string& region,
                                          const std::string& type) {
  return price_kept(cache, fmt::format("price-{}-{}", region, type));
}

std::optional<Price> cached_disk_price(const Ec2Cache& cache, const std::string& region) {
  return price_kept(cache, fmt::format("price-{}-gp3", region));
}

Result<QuotaUse> quota_use(const AwsClient& client, const InstanceType& type, const Kinds& known,
                           const Wait& wait) {
  std::string code(quota_code(type.name));
  auto quota = get_service_quota(client, "ec2", code, wait);
  if (!quota && quota.error().reason == Reason::not_found) {
    quota = get_default_quota(client, "ec2", code, wait);
  }
  if (!quota) return fail(std::move(quota.error()));
  const auto used = TRY(vcpus_in_use(client, code, known, wait));
  return QuotaUse{.code = std::move(code), .limit = quota->value, .used = used};
}

}  // namespace carrel
