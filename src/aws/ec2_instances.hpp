// EC2's machines: launched, looked at, started, stopped, ended. Typed calls over AwsClient; their
// shapes are those of the EC2 API reference, version 2016-11-15. Errors: aws/errors.hpp.
#pragma once

#include "aws/client.hpp"
#include "aws/params.hpp"
#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

enum class InstanceState {
  pending,
  running,
  shutting_down,
  terminated,
  stopping,
  stopped,
  other,  // a word that this program does not know
};
std::string_view to_string(InstanceState state);  // AWS's words: "shutting-down"

struct Instance {
  std::string id;
  InstanceState state = InstanceState::other;
  std::string state_code;    // why it is in it: "Server.InsufficientInstanceCapacity"; may be empty
  std::string state_reason;  // the same in words
  std::string type;
  std::string image;
  std::string zone;
  std::string vpc;
  std::string subnet;
  std::string public_address;  // "" while it has none
  std::string private_address;
  std::string key_name;
  std::string client_token;
  std::string root_device;                     // "/dev/sda1"
  std::map<std::string, std::string> volumes;  // device → volume
  std::vector<std::string> security_groups;    // ids
  std::vector<Tag> tags;
  std::optional<WallTime> launched;  // at its last start

  std::string tag(std::string_view key) const;  // "" when absent
};

struct Launch {
  std::string
      client_token;  // at most 64 characters; the same token does not launch twice (in a zone)
  std::string image;
  std::string type;
  std::string key_name;
  std::vector<std::string> security_groups;  // ids
  std::string subnet;                        // "": the default VPC's, in `zone` or any zone
  std::string zone = {};
  std::optional<bool> public_address = std::nullopt;  // none: as the subnet says; needs a subnet
  std::string user_data = {};                         // as it is; at most 16 KB
  std::string root_device = {};                       // the image's; "": the disk is the image's
  int disk_gib = 0;
  std::string disk_type = "gp3";
  bool encrypted = true;
  int hop_limit = 1;           // of the metadata service's answers; version 2 is required
  std::vector<Tag> tags = {};  // of the machine, its volumes and its network interface
};

// One machine, that `shutdown` stops. Never waits for it to run.
Result<Instance> run_instance(const AwsClient& client, const Launch& launch, const Wait& wait);
// Whether it would be allowed; launches nothing. Quota and capacity are not asked.
Result<> dry_run_instance(const AwsClient& client, const Launch& launch, const Wait& wait);
Params run_instances_params(const Launch& launch);

struct InstanceQuery {
  std::vector<std::string> ids = {};  // one that is unknown fails the whole call: not_found
  std::vector<Filter> filters = {};   // "tag:Name", "instance-state-name"
};
// All pages. Ended machines are listed for about an hour.
Result<std::vector<Instance>> describe_instances(const AwsClient& client,
                                                 const InstanceQuery& query, const Wait& wait);

struct StateChange {
  std::string id;
  InstanceState before = InstanceState::other;
  InstanceState now = InstanceState::other;
};
Result<std::vector<StateChange>> start_instances(const AwsClient& client,
                                                 const std::vector<std::string>& ids,
                                                 const Wait& wait);
enum class StopKind { shutdown, force, hibernate };
Result<std::vector<StateChange>> stop_instances(const AwsClient& client,
                                                const std::vector<std::string>& ids, StopKind kind,
                                                const Wait& wait);
Result<std::vector<StateChange>> terminate_instances(const AwsClient& client,
                                                     const std::vector<std::string>& ids,
                                                     const Wait& wait);

// What the machine has written to its console, hostile bytes; "" while there is nothing. `latest`:
// as it is now (Nitro types only), else as it was at the last change of state.
Result<std::string> get_console_output(const AwsClient& client, const std::string& id, bool latest,
                                       const Wait& wait);

Result<> create_tags(const AwsClient& client, const std::vector<std::string>& ids,
                     const std::vector<Tag>& tags, const Wait& wait);

}  // namespace carrel
