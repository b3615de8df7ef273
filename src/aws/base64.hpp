// Base 64 as AWS wants it (RFC 4648 section 4, padded).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace carrel {

std::string base64(std::string_view bytes);
// White space is passed over; none when `text` is not base 64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace carrel
