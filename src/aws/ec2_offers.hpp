// What EC2 offers: regions, types of machines, where they are, images, disks. Typed calls over
// AwsClient; shapes of the EC2 API reference, version 2016-11-15.
#pragma once

#include "aws/client.hpp"
#include "aws/params.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace carrel {

// The regions that this account has enabled.
Result<std::vector<std::string>> describe_regions(const AwsClient& client, const Wait& wait);

struct Gpu {
  std::string name;          // "T4"
  std::string manufacturer;  // "NVIDIA"
  std::int64_t count = 0;
  std::int64_t memory_mib = 0;  // of each
};

struct InstanceType {
  std::string name;  // "g4dn.xlarge"
  std::int64_t vcpus = 0;
  std::int64_t memory_mib = 0;
  std::vector<Gpu> gpus;
  std::vector<std::string> architectures;  // "x86_64", "arm64"
  std::string hypervisor;                  // "nitro", "xen", "" for bare metal
};
// `names` (at most 100, all must exist) or `filters` ("instance-type": "g5.*"), or all.
Result<std::vector<InstanceType>> describe_instance_types(const AwsClient& client,
                                                          const std::vector<std::string>& names,
                                                          const std::vector<Filter>& filters,
                                                          const Wait& wait);

struct Offering {
  std::string type;
  std::string zone;  // "eu-west-1a"
};
// Which zones have these types; the names may hold '*'.
Result<std::vector<Offering>> describe_instance_type_offerings(
    const AwsClient& client, const std::vector<std::string>& types, const Wait& wait);

struct Image {
  std::string id;
  std::string name;
  std::string description;
  std::string owner;        // account, 12 digits
  std::string owner_alias;  // "amazon"; may be empty
  std::string state;        // "available"
  std::string architecture;
  std::string created;        // as AWS writes it: sorts by time
  std::string root_device;    // "/dev/sda1"
  std::int64_t root_gib = 0;  // the least size of the root disk; 0: unknown
};
struct ImageQuery {
  std::vector<std::string> ids = {};
  std::vector<std::string> owners = {};  // accounts, "amazon", "self"
  std::vector<Filter> filters = {};      // "name": "Deep Learning*"
};
Result<std::vector<Image>> describe_images(const AwsClient& client, const ImageQuery& query,
                                           const Wait& wait);

struct Volume {
  std::string id;
  std::string state;     // "available", "in-use"
  std::string instance;  // "" while it is attached to none
  std::string type;
  std::string zone;
  std::int64_t size_gib = 0;
  bool encrypted = false;
  std::vector<Tag> tags;
};
Result<std::vector<Volume>> describe_volumes(const AwsClient& client,
                                             const std::vector<std::string>& ids,
                                             const std::vector<Filter>& filters, const Wait& wait);

}  // namespace carrel
