// From which image a machine is made: the one that was named, else the newest Deep Learning AMI for
// a GPU, else Ubuntu. By AWS's public SSM parameters, and DescribeImages where these say nothing.
#pragma once

#include "aws/client.hpp"
#include "aws/ec2_offers.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <string>

namespace carrel {

// `wanted`: "ami-...", a name (which may hold '*'; the newest of them), or "". Reason::not_found,
// Exit::act: there is none that fits `type`.
Result<Image> find_image(const AwsClient& client, const std::string& wanted,
                         const InstanceType& type, const Wait& wait);

}  // namespace carrel
