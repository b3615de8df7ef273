// SHA-256 as a key for folders: 64 hexadecimal characters. Each part goes in with its length, so
// that no two lists of parts are the same bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace carrel {

std::string digest_of(const std::vector<std::string_view>& parts);

}  // namespace carrel
