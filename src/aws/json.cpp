#include "aws/json.hpp"

#include "base/error.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel {

Result<Json> parse_json_object(std::string_view text, std::string_view what) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_object()) return json;
  return fail({.what = fmt::format("{} cannot be read", what),
               .why = "it is not a JSON object",
               .hint = {},
               .exit = Exit::failed,
               .reason = Reason::corrupt,
               .trace = {}});
}

const Json& json_member(const Json& object, std::string_view name) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

std::string json_text(const Json& object, std::string_view name) {
  const Json& member = json_member(object, name);
  return member.is_string() ? member.get<std::string>() : std::string();
}

std::optional<double> json_number(const Json& object, std::string_view name) {
  const Json& member = json_member(object, name);
  return member.is_number() ? std::optional(member.get<double>()) : std::nullopt;
}

}  // namespace carrel
