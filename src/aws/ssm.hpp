// AWS's public parameters, where the ids of images are found ("/aws/service/deeplearning/ami/...").
#pragma once

#include "aws/client.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <string>
#include <vector>

namespace carrel {

struct Parameter {
  std::string name;
  std::string value;
};
// Reason::not_found when there is none of this name.
Result<std::string> get_parameter(const AwsClient& client, const std::string& name,
                                  const Wait& wait);
// All below a path, however deep; all pages.
Result<std::vector<Parameter>> get_parameters_by_path(const AwsClient& client,
                                                      const std::string& path, const Wait& wait);

}  // namespace carrel
