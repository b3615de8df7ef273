#include "aws/ssm.hpp"

#include "aws/client.hpp"
#include "aws/json.hpp"
#include "aws/json_call.hpp"
#include "aws/service.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <string>
#include <vector>

namespace carrel {

Result<std::string> get_parameter(const AwsClient& client, const std::string& name,
                                  const Wait& wait) {
  const Json answer = TRY(json_call(client, ssm_service, "GetParameter", {{"Name", name}}, wait));
  return json_text(json_member(answer, "Parameter"), "Value");
}

Result<std::vector<Parameter>> get_parameters_by_path(const AwsClient& client,
                                                      const std::string& path, const Wait& wait) {
  std::vector<Parameter> parameters;
  TRY(json_pages(client, ssm_service, "GetParametersByPath",
                 {{"Path", path}, {"Recursive", true}, {"MaxResults", 10}}, wait,
                 [&](const Json& page) {
                   for (const Json& item : json_member(page, "Parameters")) {
                     parameters.push_back({json_text(item, "Name"), json_text(item, "Value")});
                   }
                   return true;
                 }));
  return parameters;
}

}  // namespace carrel
