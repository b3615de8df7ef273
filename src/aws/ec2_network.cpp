#include "aws/ec2_network.hpp"

#include "aws/base64.hpp"
#include "aws/client.hpp"
#include "aws/ec2_call.hpp"
#include "aws/params.hpp"
#include "aws/xml.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

void read_rule(const pugi::xml_node& rule, SecurityGroup& group) {
  const auto from = xml_number(rule, "fromPort");
  const bool ours = xml_text(rule, "ipProtocol") == "tcp" && from &&
                    from == xml_number(rule, "toPort") && xml_items(rule, "groups").empty() &&
                    xml_items(rule, "prefixListIds").empty();
  if (!ours) {
    group.has_other_ingress = true;
    return;
  }
  const auto add = [&](const char* ranges, const char* cidr) {
    for (const auto& range : xml_items(rule, ranges)) {
      group.ingress.push_back({.port = static_cast<int>(*from),
                               .cidr = xml_text(range, cidr),
                               .description = xml_text(range, "description")});
    }
  };
  add("ipRanges", "cidrIp");
  add("ipv6Ranges", "cidrIpv6");
}

Params ingress_params(const std::string& group, const std::vector<Ingress>& rules) {
  Params params;
  params.add("GroupId", group);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string prefix = fmt::format("IpPermissions.{}.", i + 1);
    const bool v6 = rules[i].cidr.contains(':');
    const std::string range = prefix + (v6 ? "Ipv6Ranges.1." : "IpRanges.1.");
    params.add(prefix + "IpProtocol", "tcp")
        .number(prefix + "FromPort", rules[i].port)
        .number(prefix + "ToPort", rules[i].port)
        .add(range + (v6 ? "CidrIpv6" : "CidrIp"), rules[i].cidr)
        .add(range + "Description", rules[i].description);
  }
  return params;
}

// EC2 wants the tags of what a call makes in a specification of its own.
void add_tags(Params& params, const std::string& type, const std::vector<Tag>& tags) {
  if (tags.empty()) return;
  params.add("TagSpecification.1.ResourceType", type).tags("TagSpecification.1.Tag", tags);
}

template <class Value, class Read>
Result<std::vector<Value>> describe(const AwsClient& client, const std::string& action,
                                    const char* set, const std::vector<Filter>& filters,
                                    const Wait& wait, Read read) {
  std::vector<Value> values;
  TRY(ec2_pages(client, action, Params().filters(filters), wait, [&](const pugi::xml_node& page) {
    for (const auto& item : xml_items(page, set)) values.push_back(read(item));
  }));
  return values;
}

}  // namespace

Result<std::vector<Vpc>> describe_vpcs(const AwsClient& client, const std::vector<Filter>& filters,
                                       const Wait& wait) {
  return describe<Vpc>(client, "DescribeVpcs", "vpcSet", filters, wait,
                       [](const pugi::xml_node& item) {
                         return Vpc{.id = xml_text(item, "vpcId"),
                                    .cidr = xml_text(item, "cidrBlock"),
                                    .is_default = xml_true(item, "isDefault"),
                                    .tags = read_tags(item)};
                       });
}

Result<std::vector<Subnet>> describe_subnets(const AwsClient& client,
                                             const std::vector<Filter>& filters, const Wait& wait) {
  return describe<Subnet>(
      client, "DescribeSubnets", "subnetSet", filters, wait, [](const pugi::xml_node& item) {
        return Subnet{.id = xml_text(item, "subnetId"),
                      .vpc = xml_text(item, "vpcId"),
                      .zone = xml_text(item, "availabilityZone"),
                      .cidr = xml_text(item, "cidrBlock"),
                      .free_addresses = xml_number(item, "availableIpAddressCount").value_or(0),
                      .zone_default = xml_true(item, "defaultForAz"),
                      .public_addresses = xml_true(item, "mapPublicIpOnLaunch")};
      });
}

Result<std::vector<SecurityGroup>> describe_security_groups(const AwsClient& client,
                                                            const std::vector<Filter>& filters,
                                                            const Wait& wait) {
  return describe<SecurityGroup>(client, "DescribeSecurityGroups", "securityGroupInfo", filters,
                                 wait, [](const pugi::xml_node& item) {
                                   SecurityGroup group{
                                       .id = xml_text(item, "groupId"),
                                       .name = xml_text(item, "groupName"),
                                       .description = xml_text(item, "groupDescription"),
                                       .vpc = xml_text(item, "vpcId"),
                                       .ingress = {},
                                       .tags = read_tags(item)};
                                   for (const auto& rule : xml_items(item, "ipPermissions"))
                                     read_rule(rule, group);
                                   return group;
                                 });
}

Result<std::string> create_security_group(const AwsClient& client, const NewSecurityGroup& group,
                                          const Wait& wait) {
  Params params;
  params.add("GroupName", group.name)
      .add("GroupDescription", group.description)
      .add("VpcId", group.vpc);
  add_tags(params, "security-group", group.tags);
  const auto document = TRY(ec2_call(client, "CreateSecurityGroup", params, wait));
  return xml_text(document.document_element(), "groupId");
}

Result<> authorize_ingress(const AwsClient& client, const std::string& group,
                           const std::vector<Ingress>& rules, const Wait& wait) {
  return ec2_do(client, "AuthorizeSecurityGroupIngress", ingress_params(group, rules), wait);
}

Result<> revoke_ingress(const AwsClient& client, const std::string& group,
                        const std::vector<Ingress>& rules, const Wait& wait) {
  return ec2_do(client, "RevokeSecurityGroupIngress", ingress_params(group, rules), wait);
}

Result<> delete_security_group(const AwsClient& client, const std::string& group,
                               const Wait& wait) {
  return ec2_do(client, "DeleteSecurityGroup", Params().add("GroupId", group), wait);
}

Result<std::vector<KeyPair>> describe_key_pairs(const AwsClient& client,
                                                const std::vector<Filter>& filters,
                                                const Wait& wait) {
  return describe<KeyPair>(client, "DescribeKeyPairs", "keySet", filters, wait,
                           [](const pugi::xml_node& item) {
                             return KeyPair{.id = xml_text(item, "keyPairId"),
                                            .name = xml_text(item, "keyName"),
                                            .fingerprint = xml_text(item, "keyFingerprint"),
                                            .tags = read_tags(item)};
                           });
}

Result<KeyPair> import_key_pair(const AwsClient& client, const std::string& name,
                                const std::string& public_key, const std::vector<Tag>& tags,
                                const Wait& wait) {
  Params params;
  params.add("KeyName", name).add("PublicKeyMaterial", base64(trimmed(public_key)));
  add_tags(params, "key-pair", tags);
  const auto document = TRY(ec2_call(client, "ImportKeyPair", params, wait));
  const auto root = document.document_element();
  return KeyPair{.id = xml_text(root, "keyPairId"),
                 .name = xml_text(root, "keyName"),
                 .fingerprint = xml_text(root, "keyFingerprint"),
                 .tags = read_tags(root)};
}

Result<> delete_key_pair(const AwsClient& client, const std::string& name, const Wait& wait) {
  return ec2_do(client, "DeleteKeyPair", Params().add("KeyName", name), wait);
}

}  // namespace carrel
