#include "machine/boot.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace carrel {

std::vector<std::string> boot_errors(std::string_view result_json) {
  const auto json = nlohmann::json::parse(result_json, nullptr, false);
  const nlohmann::json::json_pointer at("/v1/errors");
  if (json.is_discarded() || !json.contains(at) || !json.at(at).is_array()) return {};
  std::vector<std::string> errors;
  for (const auto& error : json.at(at)) {
    if (error.is_string()) errors.push_back(error.get<std::string>());
  }
  return errors;
}

}  // namespace carrel
