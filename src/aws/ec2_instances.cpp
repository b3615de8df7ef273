#include "aws/ec2_instances.hpp"

#include "aws/base64.hpp"
#include "aws/client.hpp"
#include "aws/ec2_call.hpp"
#include "aws/params.hpp"
#include "aws/time.hpp"
#include "aws/xml.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

using NamedState = std::pair<InstanceState, std::string_view>;
constexpr std::array states = {
    NamedState(InstanceState::pending, "pending"),
    NamedState(InstanceState::running, "running"),
    NamedState(InstanceState::shutting_down, "shutting-down"),
    NamedState(InstanceState::terminated, "terminated"),
    NamedState(InstanceState::stopping, "stopping"),
    NamedState(InstanceState::stopped, "stopped"),
};

InstanceState state_of(std::string_view name) {
  const auto found = std::ranges::find(states, name, &NamedState::second);
  return found == states.end() ? InstanceState::other : found->first;
}

Instance read_instance(const pugi::xml_node& item) {
  Instance instance{
      .id = xml_text(item, "instanceId"),
      .state = state_of(xml_text(item, "instanceState/name")),
      .state_code = xml_text(item, "stateReason/code"),
      .state_reason = xml_text(item, "stateReason/message"),
      .type = xml_text(item, "instanceType"),
      .image = xml_text(item, "imageId"),
      .zone = xml_text(item, "placement/availabilityZone"),
      .vpc = xml_text(item, "vpcId"),
      .subnet = xml_text(item, "subnetId"),
      .public_address = xml_text(item, "ipAddress"),
      .private_address = xml_text(item, "privateIpAddress"),
      .key_name = xml_text(item, "keyName"),
      .client_token = xml_text(item, "clientToken"),
      .root_device = xml_text(item, "rootDeviceName"),
      .volumes = {},
      .security_groups = {},
      .tags = read_tags(item),
      .launched = aws_time(xml_text(item, "launchTime")),
  };
  for (const auto& disk : xml_items(item, "blockDeviceMapping")) {
    instance.volumes[xml_text(disk, "deviceName")] = xml_text(disk, "ebs/volumeId");
  }
  for (const auto& group : xml_items(item, "groupSet")) {
    instance.security_groups.push_back(xml_text(group, "groupId"));
  }
  return instance;
}

void add_network(Params& params, const Launch& launch) {
  if (!launch.public_address) {
    params.add("SubnetId", launch.subnet).list("SecurityGroupId", launch.security_groups);
    return;
  }
  // EC2 takes the address only with the interface, and then subnet and groups there too
  params.number("NetworkInterface.1.DeviceIndex", 0)
      .flag("NetworkInterface.1.AssociatePublicIpAddress", *launch.public_address)
      .add("NetworkInterface.1.SubnetId", launch.subnet)
      .list("NetworkInterface.1.SecurityGroupId", launch.security_groups);
}

void add_disk(Params& params, const Launch& launch) {
  if (launch.root_device.empty()) return;
  params.add("BlockDeviceMapping.1.DeviceName", launch.root_device)
      .number("BlockDeviceMapping.1.Ebs.VolumeSize", launch.disk_gib)
      .add("BlockDeviceMapping.1.Ebs.VolumeType", launch.disk_type)
      .flag("BlockDeviceMapping.1.Ebs.Encrypted", launch.encrypted)
      .flag("BlockDeviceMapping.1.Ebs.DeleteOnTermination", true);
}

Result<std::vector<StateChange>> change(const AwsClient& client, const std::string& action,
                                        const Params& params, const Wait& wait) {
  const auto document = TRY(ec2_call(client, action, params, wait));
  std::vector<StateChange> changes;
  for (const auto& item : xml_items(document.document_element(), "instancesSet")) {
    changes.push_back({.id = xml_text(item, "instanceId"),
                       .before = state_of(xml_text(item, "previousState/name")),
                       .now = state_of(xml_text(item, "currentState/name"))});
  }
  return changes;
}

}  // namespace

std::string_view to_string(InstanceState state) {
  const auto found = std::ranges::find(states, state, &NamedState::first);
  return found == states.end() ? "unknown" : found->second;
}

std::string Instance::tag(std::string_view key) const {
  const auto found = std::ranges::find(tags, key, &Tag::key);
  return found == tags.end() ? std::string() : found->value;
}

Params run_instances_params(const Launch& launch) {
  Params params;
  params.add("ClientToken", launch.client_token)
      .add("ImageId", launch.image)
      .add("InstanceType", launch.type)
      .add("KeyName", launch.key_name)
      .number("MinCount", 1)
      .number("MaxCount", 1)
      .add("Placement.AvailabilityZone", launch.zone)
      .add("UserData", base64(launch.user_data))
      .add("InstanceInitiatedShutdownBehavior", "stop")
      .add("MetadataOptions.HttpTokens", "required")
      .number("MetadataOptions.HttpPutResponseHopLimit", launch.hop_limit);
  add_network(params, launch);
  add_disk(params, launch);
  if (launch.tags.empty()) return params;
  static constexpr std::array tagged = {"instance", "volume", "network-interface"};
  for (std::size_t i = 0; i < tagged.size(); ++i) {
    const std::string prefix = fmt::format("TagSpecification.{}", i + 1);
    params.add(prefix + ".ResourceType", tagged.at(i)).tags(prefix + ".Tag", launch.tags);
  }
  return params;
}

Result<Instance> run_instance(const AwsClient& client, const Launch& launch, const Wait& wait) {
  const auto document = TRY(ec2_call(client, "RunInstances", run_instances_params(launch), wait));
  const auto items = xml_items(document.document_element(), "instancesSet");
  if (items.empty()) {
    return fail({.what = "AWS's answer to ec2:RunInstances cannot be read",
                 .why = "it names no machine",
                 .hint = {},
                 .exit = Exit::failed,
                 .reason = Reason::corrupt,
                 .trace = {}});
  }
  return read_instance(items.front());
}

Result<> dry_run_instance(const AwsClient& client, const Launch& launch, const Wait& wait) {
  Params params = run_instances_params(launch);
  params.flag("DryRun", true);
  return dry_run_outcome(ec2_call(client, "RunInstances", params, wait));
}

Result<std::vector<Instance>> describe_instances(const AwsClient& client,
                                                 const InstanceQuery& query, const Wait& wait) {
  Params params;
  params.list("InstanceId", query.ids).filters(query.filters);
  // EC2 refuses a page size together with ids
  if (query.ids.empty()) params.number("MaxResults", 1000);
  std::vector<Instance> instances;
  TRY(ec2_pages(client, "DescribeInstances", params, wait, [&](const pugi::xml_node& page) {
    for (const auto& reservation : xml_items(page, "reservationSet")) {
      for (const auto& item : xml_items(reservation, "instancesSet")) {
        instances.push_back(read_instance(item));
      }
    }
  }));
  return instances;
}

Result<std::vector<StateChange>> start_instances(const AwsClient& client,
                                                 const std::vector<std::string>& ids,
                                                 const Wait& wait) {
  return change(client, "StartInstances", Params().list("InstanceId", ids), wait);
}

Result<std::vector<StateChange>> stop_instances(const AwsClient& client,
                                                const std::vector<std::string>& ids, StopKind kind,
                                                const Wait& wait) {
  Params params;
  params.list("InstanceId", ids);
  if (kind == StopKind::force) params.flag("Force", true);
  if (kind == StopKind::hibernate) params.flag("Hibernate", true);
  return change(client, "StopInstances", params, wait);
}

Result<std::vector<StateChange>> terminate_instances(const AwsClient& client,
                                                     const std::vector<std::string>& ids,
                                                     const Wait& wait) {
  return change(client, "TerminateInstances", Params().list("InstanceId", ids), wait);
}

Result<std::string> get_console_output(const AwsClient& client, const std::string& id, bool latest,
                                       const Wait& wait) {
  Params params;
  params.add("InstanceId", id);
  if (latest) params.flag("Latest", true);
  const auto document = TRY(ec2_call(client, "GetConsoleOutput", params, wait));
  auto output = from_base64(xml_text(document.document_element(), "output"));
  if (output) return *std::move(output);
  return fail({.what = fmt::format("the console of {} cannot be read", id),
               .why = "AWS's answer is not base 64",
               .hint = {},
               .exit = Exit::failed,
               .reason = Reason::corrupt,
               .trace = {}});
}

Result<> create_tags(const AwsClient& client, const std::vector<std::string>& ids,
                     const std::vector<Tag>& tags, const Wait& wait) {
  return ec2_do(client, "CreateTags", Params().list("ResourceId", ids).tags("Tag", tags), wait);
}

}  // namespace carrel
