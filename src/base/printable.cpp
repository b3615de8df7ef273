#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace carrel {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Beyond ASCII: C1 controls (8-bit escape sequences), marks and overrides of writing direction
// (they make a line read otherwise than it is), line and paragraph separators.
constexpr std::array<Range, 5> harmful = {
    {{0x80, 0x9F}, {0x61C, 0x61C}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}}};

struct Decoded {
  char32_t point = 0;
  std::size_t length = 0;  // 0: not UTF-8
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  std::size_t length = 0;
  char32_t point = 0;
  if (lead < 0x80) return {.point = lead, .length = 1};
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    point = lead & 0x1FU;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    point = lead & 0x0FU;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    point = lead & 0x07U;
  }
  if (length == 0 || text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    point = point << 6U | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (overlong || surrogate || point > 0x10FFFF) return {};
  return {.point = point, .length = length};
}

}  // namespace

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const auto [point, length] = decode(text);
    const std::string_view bytes = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(bytes.size());
    if (length == 1 && (point < 0x20 || point == 0x7F) && point != '\n' && point != '\t') {
      safe += '^';
      safe += static_cast<char>(point ^ 0x40U);
    } else if (length == 0 || std::ranges::any_of(harmful, [point](const Range& range) {
                 return point >= range.first && point <= range.last;
               })) {
      for (const char c : bytes) safe += "\\x" + hex({&c, 1});
    } else {
      safe += bytes;
    }
  }
  return safe;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = decode(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace carrel
