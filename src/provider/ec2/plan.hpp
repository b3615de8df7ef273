// Which of EC2's machines will do, what stands in their way, and what things are called. Pure.
#pragma once

#include "aws/ec2_offers.hpp"
#include "base/money.hpp"
#include "workspace/provider.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

// The GPU that is meant where nothing is said: the cheapest.
inline constexpr std::string_view default_gpu = "T4";

// Names of types, with '*', among which `candidates` looks; empty: nobody knows that GPU.
std::vector<std::string> type_patterns(const Hardware& hardware);
std::vector<std::string> known_gpus();

// Those of `types` that fit, cheapest first: by generation, then by size.
std::vector<InstanceType> candidates(const Hardware& hardware, std::vector<InstanceType> types);
// Why there are none: "EC2 has no machine with 3 T4: it has them with 1, 4 or 8".
std::string why_no_candidate(const Hardware& hardware, const std::vector<InstanceType>& types);

struct Choice {
  InstanceType type;
  std::vector<std::string> zones;  // in the order to try; empty: none of `reachable` has it
};
// The first of `fitting`, which is not empty, that a zone has. `reachable`: zones; empty: all.
Choice choose(const std::vector<InstanceType>& fitting, const std::vector<Offering>& offerings,
              const std::vector<std::string>& reachable);

std::int64_t gpus_of(const InstanceType& type);
// Deep Learning images carry the open kernel driver, which needs Turing or newer.
bool has_open_driver(const InstanceType& type);

// Of Service Quotas, for machines on demand. By the letters before the generation's number.
std::string_view quota_code(std::string_view type);

struct QuotaUse {
  std::string code;
  double limit = 0;       // vCPUs
  std::int64_t used = 0;  // by machines that run
};
// What stands in the way, and what mends it; both "" when `type` fits.
struct Block {
  std::string found;
  std::string fix;
};
Block quota_block(const QuotaUse& use, const InstanceType& type, std::string_view region);

std::string no_network(std::string_view region);
std::string network_hint(std::string_view region);

// Where a machine is: a region, as the person's tools call AWS, or as a named profile does. As
// text "us-east-1" or "us-east-1@profile": what the journal keeps of it.
struct Ec2Place {
  std::string region;
  std::string profile;  // "": none was named
};
Ec2Place ec2_place(std::string_view text);
std::string to_text(const Ec2Place& place);

// Of a disk alone, from a price for a GB and month.
Money disk_per_day(Money gib_month, int gib);

// The person as a part of names: letters, digits, '-' and '_'.
std::string owner_of(const std::map<std::string, std::string>& environment);

// A computer's name as a part of names: what its node name (uname) has before the first '.', made
// valid as a workspace's name is. "" where nothing is left.
std::string computer_of(std::string_view node_name);

// Tags of a machine: what the person asked for, as carrel's `from` and `user` have it; and by which
// another computer of theirs shows it.
inline constexpr const char* from_tag = "carrel:from";
inline constexpr const char* user_tag = "carrel:user";
inline constexpr const char* workspace_tag = "carrel:workspace";
inline constexpr const char* name_tag = "carrel:name";
inline constexpr const char* computer_tag = "carrel:computer";
inline constexpr const char* owner_tag = "carrel:owner";

// Who logs in on machines made from an image, by its owner and name; none: they do not say.
std::optional<std::string> login_of(const Image& image);
// Then, where the machine does not say it either: AWS's own images have it.
inline constexpr std::string_view usual_login = "ec2-user";
// Who should log in, in cloud-init's answer to a login as root (`disable_root`); none: it is
// another line, or names nobody.
std::optional<std::string> login_in_answer(std::string_view line);

// The newest line of Deep Learning images among the parameters' names, those with PyTorch first;
// none when none is for Ubuntu. "/aws/service/deeplearning/ami/x86_64/LINE/latest/ami-id".
std::optional<std::string> newest_line(const std::vector<std::string>& names);

}  // namespace carrel
