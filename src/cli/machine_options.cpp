#include "cli/machine_options.hpp"

#include "base/error.hpp"
#include "cli/command.hpp"
#include "workspace/spec.hpp"

#include <vector>

namespace carrel::cli {

std::vector<Option> machine_options() {
  return {{.name = "--gpu",
           .value = "GPU",
           .help = "on a cloud: any machine with this GPU (T4, L4, A10G, L40S, V100, A100, H100)"},
          {.name = "--count", .value = "N", .help = "on a cloud: with so many of this GPU"},
          {.name = "--instance",
           .value = "TYPE",
           .help = "on a cloud: this type of machine, such as g4dn.xlarge"},
          {.name = "--region", .value = "REGION", .help = "on a cloud: where"},
          {.name = "--profile",
           .value = "PROFILE",
           .help = "on a cloud: with the credentials of this profile of its own tools"},
          {.name = "--image",
           .value = "IMAGE",
           .help = "on a cloud: the machine's image, by id or name"},
          {.name = "--disk",
           .value = "GB",
           .help = "on a cloud: the size of its disk; by default 100"}};
}

std::vector<Option> launch_options() {
  return {
      {.name = "--lifetime",
       .value = "TIME",
       .help = "on a cloud: it stops itself so long after each start, such as 90m or 2d; by "
               "default 12h"},
      {.name = "--from",
       .value = "NETWORK",
       .help = "on a cloud: ssh, and others with --public, are let in from this network, such as "
               "203.0.113.0/24; by default from this computer's address alone, which `up` asks for "
               "where nobody tells it"},
      {.name = "--user",
       .value = "LOGIN",
       .help = "on a cloud: who logs in; by default as the image says, else the machine itself"}};
}

Result<Spec> machine_spec(const Given& given) {
  Spec spec;
  spec.gpu = given.value("--gpu");
  spec.instance = given.value("--instance");
  spec.region = given.value("--region");
  spec.profile = given.value("--profile");
  spec.image = given.value("--image");
  if (const auto count = given.value("--count")) spec.count = TRY(parse_count(*count));
  if (const auto disk = given.value("--disk")) spec.disk_gb = TRY(parse_disk(*disk));
  if (const auto life = given.value("--lifetime")) spec.lifetime = TRY(parse_lifetime(*life));
  if (const auto from = given.value("--from")) spec.from = TRY(parse_network(*from));
  if (const auto user = given.value("--user")) spec.user = TRY(parse_login(*user));
  if (spec.gpu && spec.instance) {
    return usage_error("--gpu and --instance contradict each other",
                       "--instance names the type, and with it the GPU");
  }
  if (spec.count && spec.instance) {
    return usage_error("--count and --instance contradict each other",
                       "--instance names the type, and with it how many GPUs it has");
  }
  return spec;
}

}  // namespace carrel::cli
