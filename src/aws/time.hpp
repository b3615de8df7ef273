// The two ways in which AWS writes a time; none when the text is neither.
#pragma once

#include "os/clock.hpp"

#include <optional>
#include <string_view>

namespace carrel {

// "Tue, 24 Nov 2026 11:16:40 GMT" (RFC 9110 section 5.6.7).
std::optional<WallTime> http_date(std::string_view text);
// "2026-11-24T11:16:40.000Z", with or without a fraction; "UTC" and "+00:00" for "Z".
std::optional<WallTime> aws_time(std::string_view text);

}  // namespace carrel
