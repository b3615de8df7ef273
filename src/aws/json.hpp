// AWS's JSON, read with care. Private to aws/: the header is heavy. nlohmann's reader does not
// recurse, and nothing that was read is written again, so depth does no harm.
#pragma once

#include "base/error.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace carrel {

using Json = nlohmann::json;

// Reason::corrupt when `text` is not a JSON object; `what` says whose.
Result<Json> parse_json_object(std::string_view text, std::string_view what);

// Of an object's member; "", none or an empty object or array when it is missing or another type.
std::string json_text(const Json& object, std::string_view name);
std::optional<double> json_number(const Json& object, std::string_view name);
const Json& json_member(const Json& object, std::string_view name);

}  // namespace carrel
