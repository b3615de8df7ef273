#include "provider/ec2/image.hpp"

#include "aws/client.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/params.hpp"
#include "aws/ssm.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/wait.hpp"
#include "provider/ec2/plan.hpp"

#include <algorithm>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view canonical = "099720109477";

std::string architecture_of(const InstanceType& type) {
  return std::ranges::find(type.architectures, "x86_64") != type.architectures.end() ? "x86_64"
                                                                                     : "arm64";
}

std::unexpected<Error> no_image(std::string what, std::string why) {
  return fail({.what = std::move(what),
               .why = std::move(why),
               .hint = "--image takes another image: an id or a name",
               .exit = Exit::act,
               .reason = Reason::not_found,
               .trace = {}});
}

// The id that a parameter leads to; none where AWS has no such parameters.
Result<std::optional<std::string>> id_by_parameter(const AwsClient& client, bool gpu,
                                                   const std::string& architecture,
                                                   const Wait& wait) {
  if (!gpu) {
    auto id = get_parameter(
        client,
        fmt::format("/aws/service/canonical/ubuntu/server/24.04/stable/current/{}/hvm/ebs-gp3/"
                    "ami-id",
                    architecture == "arm64" ? "arm64" : "amd64"),
        wait);
    if (id) return *std::move(id);
    if (id.error().reason == Reason::interrupted) return fail(std::move(id.error()));
    return std::nullopt;
  }
  auto all = get_parameters_by_path(client, "/aws/service/deeplearning/ami/" + architecture, wait);
  if (!all && all.error().reason == Reason::interrupted) return fail(std::move(all.error()));
  if (!all) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& parameter : *all) names.push_back(parameter.name);
  const auto line = newest_line(names);
  if (!line) return std::nullopt;
  return std::ranges::find(*all, *line, &Parameter::name)->value;
}

ImageQuery query_of(const std::string& wanted, const std::optional<std::string>& id, bool gpu,
                    const std::string& architecture) {
  if (id) return {.ids = {*id}};
  const Filter fits{"architecture", {architecture}};
  if (!wanted.empty()) {
    return {.owners = {"self", "amazon", std::string(canonical)},
            .filters = {fits, {"name", {wanted}}}};
  }
  if (gpu) {
    return {
        .owners = {"amazon"},
        .filters = {fits, {"name", {"Deep Learning OSS Nvidia Driver AMI GPU PyTorch*Ubuntu*"}}}};
  }
  return {.owners = {std::string(canonical)},
          .filters = {fits, {"name", {"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-*"}}}};
}

}  // namespace

Result<Image> find_image(const AwsClient& client, const std::string& wanted,
                         const InstanceType& type, const Wait& wait) {
  const bool gpu = gpus_of(type) > 0;
  const auto architecture = architecture_of(type);
  if (wanted.empty() && gpu && !has_open_driver(type)) {
    return no_image("no Deep Learning image of today runs on " + type.name,
                    "their driver needs a GPU of the Turing generation or newer, from NVIDIA");
  }
  std::optional<std::string> id;
  if (wanted.starts_with("ami-")) id = wanted;
  if (wanted.empty()) id = TRY(id_by_parameter(client, gpu, architecture, wait));
  auto images = describe_images(client, query_of(wanted, id, gpu, architecture), wait);
  if (!images && images.error().code.starts_with("InvalidAMIID")) {
    return no_image(fmt::format("there is no image {} in {}", printable(wanted), client.region()),
                    images.error().why);
  }
  if (!images) return fail(std::move(images.error()));
  if (images->empty()) {
    return no_image(wanted.empty()
                        ? "AWS shows no image for " + type.name + " in " + client.region()
                        : fmt::format("there is no image \"{}\" for {} in {}", printable(wanted),
                                      type.name, client.region()),
                    {});
  }
  auto image = *std::ranges::max_element(*images, {}, &Image::created);
  if (image.architecture != architecture && !image.architecture.empty()) {
    return no_image(
        fmt::format("the image {} does not run on {}", image.id, type.name),
        fmt::format("it is for {}, the machine is {}", image.architecture, architecture));
  }
  return image;
}

}  // namespace carrel
