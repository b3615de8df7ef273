#include "aws/ec2_offers.hpp"

#include "aws/client.hpp"
#include "aws/ec2_call.hpp"
#include "aws/params.hpp"
#include "aws/xml.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <pugixml.hpp>
#include <string>
#include <vector>

namespace carrel {
namespace {

InstanceType read_type(const pugi::xml_node& item) {
  InstanceType type{.name = xml_text(item, "instanceType"),
                    .vcpus = xml_number(item, "vCpuInfo/defaultVCpus").value_or(0),
                    .memory_mib = xml_number(item, "memoryInfo/sizeInMiB").value_or(0),
                    .gpus = {},
                    .architectures = xml_texts(item, "processorInfo/supportedArchitectures"),
                    .hypervisor = xml_text(item, "hypervisor")};
  for (const auto& gpu : xml_items(item, "gpuInfo/gpus")) {
    type.gpus.push_back({.name = xml_text(gpu, "name"),
                         .manufacturer = xml_text(gpu, "manufacturer"),
                         .count = xml_number(gpu, "count").value_or(0),
                         .memory_mib = xml_number(gpu, "memoryInfo/sizeInMiB").value_or(0)});
  }
  return type;
}

Image read_image(const pugi::xml_node& item) {
  Image image{.id = xml_text(item, "imageId"),
              .name = xml_text(item, "name"),
              .description = xml_text(item, "description"),
              .owner = xml_text(item, "imageOwnerId"),
              .owner_alias = xml_text(item, "imageOwnerAlias"),
              .state = xml_text(item, "imageState"),
              .architecture = xml_text(item, "architecture"),
              .created = xml_text(item, "creationDate"),
              .root_device = xml_text(item, "rootDeviceName")};
  for (const auto& disk : xml_items(item, "blockDeviceMapping")) {
    if (xml_text(disk, "deviceName") == image.root_device) {
      image.root_gib = xml_number(disk, "ebs/volumeSize").value_or(0);
    }
  }
  return image;
}

Volume read_volume(const pugi::xml_node& item) {
  Volume volume{.id = xml_text(item, "volumeId"),
                .state = xml_text(item, "status"),
                .instance = {},
                .type = xml_text(item, "volumeType"),
                .zone = xml_text(item, "availabilityZone"),
                .size_gib = xml_number(item, "size").value_or(0),
                .encrypted = xml_true(item, "encrypted"),
                .tags = read_tags(item)};
  for (const auto& attachment : xml_items(item, "attachmentSet")) {
    volume.instance = xml_text(attachment, "instanceId");
  }
  return volume;
}

}  // namespace

Result<std::vector<std::string>> describe_regions(const AwsClient& client, const Wait& wait) {
  const auto document = TRY(ec2_call(client, "DescribeRegions", {}, wait));
  std::vector<std::string> regions;
  for (const auto& item : xml_items(document.document_element(), "regionInfo")) {
    regions.push_back(xml_text(item, "regionName"));
  }
  return regions;
}

Result<std::vector<InstanceType>> describe_instance_types(const AwsClient& client,
                                                          const std::vector<std::string>& names,
                                                          const std::vector<Filter>& filters,
                                                          const Wait& wait) {
  Params params;
  params.list("InstanceType", names).filters(filters);
  if (names.empty()) params.number("MaxResults", 100);
  std::vector<InstanceType> types;
  TRY(ec2_pages(client, "DescribeInstanceTypes", params, wait, [&](const pugi::xml_node& page) {
    for (const auto& item : xml_items(page, "instanceTypeSet")) types.push_back(read_type(item));
  }));
  return types;
}

Result<std::vector<Offering>> describe_instance_type_offerings(
    const AwsClient& client, const std::vector<std::string>& types, const Wait& wait) {
  Params params;
  params.add("LocationType", "availability-zone")
      .filters({{"instance-type", types}})
      .number("MaxResults", 1000);
  std::vector<Offering> offerings;
  TRY(ec2_pages(
      client, "DescribeInstanceTypeOfferings", params, wait, [&](const pugi::xml_node& page) {
        for (const auto& item : xml_items(page, "instanceTypeOfferingSet")) {
          offerings.push_back(
              {.type = xml_text(item, "instanceType"), .zone = xml_text(item, "location")});
        }
      }));
  return offerings;
}

Result<std::vector<Image>> describe_images(const AwsClient& client, const ImageQuery& query,
                                           const Wait& wait) {
  Params params;
  params.list("ImageId", query.ids).list("Owner", query.owners).filters(query.filters);
  std::vector<Image> images;
  TRY(ec2_pages(client, "DescribeImages", params, wait, [&](const pugi::xml_node& page) {
    for (const auto& item : xml_items(page, "imagesSet")) images.push_back(read_image(item));
  }));
  return images;
}

Result<std::vector<Volume>> describe_volumes(const AwsClient& client,
                                             const std::vector<std::string>& ids,
                                             const std::vector<Filter>& filters, const Wait& wait) {
  Params params;
  params.list("VolumeId", ids).filters(filters);
  if (ids.empty()) params.number("MaxResults", 500);
  std::vector<Volume> volumes;
  TRY(ec2_pages(client, "DescribeVolumes", params, wait, [&](const pugi::xml_node& page) {
    for (const auto& item : xml_items(page, "volumeSet")) volumes.push_back(read_volume(item));
  }));
  return volumes;
}

}  // namespace carrel
