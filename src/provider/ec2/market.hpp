// What a region has and what it costs: types and their zones, prices. Both change rarely and are
// kept for a day in the cache folder; a price tells its age. Then what may stand in the way:
// network, quota and plan, always asked anew. Any thread, and several at once.
#pragma once

#include "aws/client.hpp"
#include "aws/ec2_offers.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/plan.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

// Small texts with their age. What cannot be read or written is as if it were not there.
class Ec2Cache {
 public:
  Ec2Cache(std::filesystem::path folder, const Clock& clock)
      : folder_(std::move(folder)), clock_(clock) {}

  struct Kept {
    std::string text;
    Milliseconds age;
  };
  static constexpr auto day = std::chrono::hours(24);
  std::optional<Kept> get(const std::string& name) const;  // younger than a day
  void put(const std::string& name, std::string_view text) const;

 private:
  std::filesystem::path file_of(std::string name) const;

  std::filesystem::path folder_;
  const Clock& clock_;
};

struct Kinds {
  std::vector<InstanceType> types;
  std::vector<Offering> offerings;
};
Result<Kinds> find_kinds(const AwsClient& client, const Ec2Cache& cache,
                         const std::vector<std::string>& patterns, const Wait& wait);

struct Network {
  std::string vpc;                 // the region's default one; "": there is none
  std::vector<std::string> zones;  // in which it has a subnet
};
Result<Network> default_network(const AwsClient& client, const Wait& wait);

struct Price {
  Money money;
  Milliseconds age{0};
};
// None: nobody says; looking for a price is no reason to fail. Errors: interrupted.
Result<std::optional<Price>> machine_price(const AwsClient& client, const Ec2Cache& cache,
                                           const std::string& type, const Wait& wait);
// A GiB of gp3 for a month.
Result<std::optional<Price>> disk_price(const AwsClient& client, const Ec2Cache& cache,
                                        const Wait& wait);
std::optional<Price> cached_machine_price(const Ec2Cache& cache, const std::string& region,
                                          const std::string& type);
std::optional<Price> cached_disk_price(const Ec2Cache& cache, const std::string& region);

// The quota of `type`, and what runs under it.
Result<QuotaUse> quota_use(const AwsClient& client, const InstanceType& type, const Kinds& known,
                           const Wait& wait);

// Pure: a cache's text, and back; none when it is damaged.
std::string to_text(const Kinds& kinds);
std::optional<Kinds> kinds_of(std::string_view text);

}  // namespace carrel
