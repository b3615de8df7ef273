// JSON that another program wrote, read with care. Private to jupyter/. Nothing nested deeper than
// `json_depth` is taken: nlohmann's writer recurses, and a hostile text must not reach the end of
// the stack.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace carrel {

// Keeps the order of keys: an output's MIME types are in the kernel's order of preference, a
// notebook's keys in its author's.
using Json = nlohmann::ordered_json;

inline constexpr int json_depth = 500;

// Discarded (Json::is_discarded) when `text` is not JSON or too deep.
Json parse_json(std::string_view text);
bool is_json_object(std::string_view text);
// Each byte that is not part of well-formed UTF-8 (RFC 3629) becomes U+FFFD.
std::string with_replacements(std::string_view text);
// One line; what is not UTF-8 is replaced.
std::string json_text(const Json& json);

// Of an object's member: empty, none or null when it is missing or of another type.
std::string text_member(const Json& object, std::string_view name);
std::optional<std::int64_t> number_member(const Json& object, std::string_view name);
const Json* object_member(const Json& object, std::string_view name);

}  // namespace carrel
