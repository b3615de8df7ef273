#include "provider/ec2/plan.hpp"

#include "aws/ec2_offers.hpp"
#include "base/money.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "workspace/provider.hpp"
#include "workspace/spec.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// EC2 user guide, "Instance types": which families carry which GPU, the cheaper first.
struct GpuFamilies {
  std::string_view gpu;
  std::array<std::string_view, 2> families;
};
constexpr std::array gpu_families = {
    GpuFamilies{"T4", {"g4dn"}},          GpuFamilies{"A10G", {"g5"}},
    GpuFamilies{"L4", {"g6", "gr6"}},     GpuFamilies{"L40S", {"g6e"}},
    GpuFamilies{"T4g", {"g5g"}},          GpuFamilies{"V100", {"p3", "p3dn"}},
    GpuFamilies{"A100", {"p4d", "p4de"}}, GpuFamilies{"H100", {"p5"}},
    GpuFamilies{"H200", {"p5en", "p5e"}}, GpuFamilies{"B200", {"p6-b200"}},
    GpuFamilies{"B300", {"p6-b300"}},
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string gpu_of(const Hardware& hardware) {
  return hardware.gpu.empty() ? std::string(default_gpu) : hardware.gpu;
}

std::vector<std::string> families_of(const Hardware& hardware) {
  std::vector<std::string> families;
  const auto wanted = lower(gpu_of(hardware));
  for (const auto& row : gpu_families) {
    if (lower(row.gpu) != wanted) continue;
    for (const auto family : row.families) {
      if (!family.empty()) families.emplace_back(family);
    }
  }
  return families;
}

std::string_view family_of(std::string_view type) {
  return type.substr(0, type.find('.'));
}

// The numbers in a line's name: newer lines have greater ones ("pytorch-2.13-ubuntu-26.04").
std::vector<int> numbers_in(std::string_view text) {
  std::vector<int> numbers;
  for (std::size_t i = 0; i < text.size();) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), number);
    if (error != std::errc() || text[i] == '-') {
      ++i;
      continue;
    }
    numbers.push_back(number);
    i = static_cast<std::size_t>(end - text.data());
  }
  return numbers;
}

}  // namespace

std::vector<std::string> type_patterns(const Hardware& hardware) {
  if (!hardware.type.empty()) return {hardware.type};
  auto patterns = families_of(hardware);
  for (auto& pattern : patterns) pattern += ".*";
  return patterns;
}

std::vector<std::string> known_gpus() {
  std::vector<std::string> names;
  names.reserve(gpu_families.size());
  for (const auto& row : gpu_families) names.emplace_back(row.gpu);
  return names;
}

std::vector<InstanceType> candidates(const Hardware& hardware, std::vector<InstanceType> types) {
  const auto families = families_of(hardware);
  std::erase_if(types, [&](const InstanceType& type) {
    if (!hardware.type.empty()) return type.name != hardware.type;
    return gpus_of(type) != hardware.gpu_count || type.name.contains(".metal");
  });
  std::ranges::sort(types, {}, [&](const InstanceType& type) {
    return std::tuple(std::ranges::find(families, family_of(type.name)) - families.begin(),
                      type.vcpus, type.memory_mib, type.name);
  });
  return types;
}

std::string why_no_candidate(const Hardware& hardware, const std::vector<InstanceType>& types) {
  if (!hardware.type.empty()) return fmt::format("there is no type {} here", hardware.type);
  const auto gpu = gpu_of(hardware);
  if (types.empty()) return fmt::format("there is no machine with {} here", gpu);
  std::set<std::int64_t> counts;
  for (const auto& type : types) counts.insert(gpus_of(type));
  return fmt::format("EC2 has no machine with {} {}: it has them with {}", hardware.gpu_count, gpu,
                     fmt::join(counts, ", "));
}

Choice choose(const std::vector<InstanceType>& fitting, const std::vector<Offering>& offerings,
              const std::vector<std::string>& reachable) {
  for (const auto& type : fitting) {
    std::set<std::string> zones;
    for (const auto& offering : offerings) {
      const bool fits =
          reachable.empty() || std::ranges::find(reachable, offering.zone) != reachable.end();
      if (offering.type == type.name && fits) zones.insert(offering.zone);
    }
    if (!zones.empty()) return {.type = type, .zones = {zones.begin(), zones.end()}};
  }
  return {.type = fitting.front(), .zones = {}};
}

std::int64_t gpus_of(const InstanceType& type) {
  std::int64_t count = 0;
  for (const auto& gpu : type.gpus) count += gpu.count;
  return count;
}

bool has_open_driver(const InstanceType& type) {
  static constexpr std::array older = {"p2", "p3", "p3dn", "g2", "g3", "g3s"};
  return std::ranges::find(older, family_of(type.name)) == older.end() &&
         std::ranges::all_of(type.gpus,
                             [](const Gpu& gpu) { return gpu.manufacturer == "NVIDIA"; });
}

std::string_view quota_code(std::string_view type) {
  const auto letters = type.substr(0, type.find_first_of("0123456789"));
  if (letters == "g" || letters == "gr" || letters == "vt") return "L-DB2E81BA";
  if (letters == "p") return "L-417A185B";
  if (letters == "inf") return "L-1945791B";
  return "L-1216C47A";
}

Block quota_block(const QuotaUse& use, const InstanceType& type, std::string_view region) {
  if (static_cast<double>(use.used + type.vcpus) <= use.limit) return {};
  return {.found = fmt::format(
              "{} needs {} vCPUs; the quota {} of this account in {} is {:.0f}, and {} run already",
              type.name, type.vcpus, use.code, region, use.limit, use.used),
          .fix = fmt::format("ask for {} in the console under Service Quotas, Amazon EC2 (minutes "
                             "to 3 days; say what it is for)",
                             use.used + type.vcpus)};
}

std::string no_network(std::string_view region) {
  return fmt::format("{} has no default network (VPC)", region);
}

std::string network_hint(std::string_view region) {
  return fmt::format("aws ec2 create-default-vpc --region {}", region);
}

Ec2Place ec2_place(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return {.region = std::string(text), .profile = {}};
  return {.region = std::string(text.substr(0, at)), .profile = std::string(text.substr(at + 1))};
}

std::string to_text(const Ec2Place& place) {
  return place.profile.empty() ? place.region : place.region + "@" + place.profile;
}

Money disk_per_day(Money gib_month, int gib) {
  constexpr std::int64_t days = 30;
  return {gib_month.micro_usd * gib / days};
}

std::string owner_of(const std::map<std::string, std::string>& environment) {
  constexpr std::size_t longest = 40;
  std::string owner;
  for (const auto* name : {"USER", "LOGNAME"}) {
    const auto found = environment.find(name);
    if (owner.empty() && found != environment.end()) owner = found->second.substr(0, longest);
  }
  for (char& c : owner) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '-' && c != '_') c = '-';
  }
  return owner.empty() ? "someone" : owner;
}

std::string computer_of(std::string_view node_name) {
  const auto label = node_name.substr(0, node_name.find('.'));
  const bool says_something =
      std::ranges::any_of(label, [](unsigned char c) { return c < 0x80 && std::isalnum(c) != 0; });
  return says_something ? WorkspaceName::from_folder(label).text() : std::string();
}

std::optional<std::string> login_of(const Image& image) {
  const auto name = lower(image.name + " " + image.description);
  if (name.contains("ubuntu")) return "ubuntu";
  if (name.contains("debian")) return "admin";
  for (const auto* of_aws : {"amazon linux", "amzn", "al2023"}) {
    if (name.contains(of_aws)) return std::string(usual_login);
  }
  if (image.owner_alias == "amazon") return std::string(usual_login);
  return std::nullopt;
}

std::optional<std::string> login_in_answer(std::string_view line) {
  constexpr std::string_view before = "Please login as the user \"";
  constexpr std::string_view after = "\" rather than the user \"root\".";
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.starts_with(before) || !line.ends_with(after) ||
      line.size() < before.size() + after.size()) {
    return std::nullopt;
  }
  line.remove_prefix(before.size());
  line.remove_suffix(after.size());
  auto login = parse_login(line);
  if (!login || *login == "root") return std::nullopt;
  return *std::move(login);
}

std::optional<std::string> newest_line(const std::vector<std::string>& names) {
  std::optional<std::string> best;
  std::pair<bool, std::vector<int>> best_rank;
  for (const auto& name : names) {
    const auto parts = split(name, '/');
    const auto line = parts.size() > 3 ? parts[parts.size() - 3] : std::string();
    if (!name.ends_with("/latest/ami-id") || !line.contains("ubuntu") ||
        !line.contains("oss-nvidia-driver-gpu")) {
      continue;
    }
    const bool pytorch = line.contains("-pytorch-");
    if (!pytorch && !line.starts_with("base-")) continue;
    std::pair rank(pytorch, numbers_in(line));
    if (best && rank <= best_rank) continue;
    best = name;
    best_rank = std::move(rank);
  }
  return best;
}

}  // namespace carrel
