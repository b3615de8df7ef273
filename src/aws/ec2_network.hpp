// EC2's networks, security groups and key pairs. Typed calls over AwsClient; shapes of the EC2 API
// reference, version 2016-11-15. Groups and keys have no client token: made twice under one name,
// they are Reason::exists.
#pragma once

#include "aws/client.hpp"
#include "aws/params.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace carrel {

struct Vpc {
  std::string id;
  std::string cidr;
  bool is_default = false;
  std::vector<Tag> tags;
};
Result<std::vector<Vpc>> describe_vpcs(const AwsClient& client, const std::vector<Filter>& filters,
                                       const Wait& wait);

struct Subnet {
  std::string id;
  std::string vpc;
  std::string zone;
  std::string cidr;
  std::int64_t free_addresses = 0;
  bool zone_default = false;      // used where a launch names a zone only
  bool public_addresses = false;  // its machines get one
};
Result<std::vector<Subnet>> describe_subnets(const AwsClient& client,
                                             const std::vector<Filter>& filters, const Wait& wait);

// Who may come in: TCP to one port, from IPv4 or IPv6 networks.
struct Ingress {
  int port = 0;
  std::string cidr;  // "203.0.113.7/32", "2001:db8::/56"
  std::string description = {};
  auto operator<=>(const Ingress&) const = default;
};

struct SecurityGroup {
  std::string id;
  std::string name;
  std::string description;
  std::string vpc;
  std::vector<Ingress> ingress;    // those of one TCP port and a network
  bool has_other_ingress = false;  // rules of another kind, which are not listed
  std::vector<Tag> tags;
};
Result<std::vector<SecurityGroup>> describe_security_groups(const AwsClient& client,
                                                            const std::vector<Filter>& filters,
                                                            const Wait& wait);
struct NewSecurityGroup {
  std::string name;
  std::string description;
  std::string vpc;
  std::vector<Tag> tags = {};
};
Result<std::string> create_security_group(const AwsClient& client, const NewSecurityGroup& group,
                                          const Wait& wait);  // its id
Result<> authorize_ingress(const AwsClient& client, const std::string& group,
                           const std::vector<Ingress>& rules, const Wait& wait);
Result<> revoke_ingress(const AwsClient& client, const std::string& group,
                        const std::vector<Ingress>& rules, const Wait& wait);
Result<> delete_security_group(const AwsClient& client, const std::string& group, const Wait& wait);

struct KeyPair {
  std::string id;
  std::string name;
  // ed25519: SHA-256 in base 64 as ssh-keygen shows it, without "SHA256:"
  std::string fingerprint;
  std::vector<Tag> tags;
};
Result<std::vector<KeyPair>> describe_key_pairs(const AwsClient& client,
                                                const std::vector<Filter>& filters,
                                                const Wait& wait);
// `public_key`: a line as OpenSSH writes it.
Result<KeyPair> import_key_pair(const AwsClient& client, const std::string& name,
                                const std::string& public_key, const std::vector<Tag>& tags,
                                const Wait& wait);
Result<> delete_key_pair(const AwsClient& client, const std::string& name, const Wait& wait);

}  // namespace carrel
