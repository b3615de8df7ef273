#include "keeper/address.hpp"

#include "base/text.hpp"
#include "os/clock.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace carrel {
namespace {

constexpr std::size_t longest_host = 253;  // RFC 1035, section 2.3.4

bool is_host(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("._:-").contains(c);
  };
  return !text.empty() && text.size() <= longest_host && text.front() != '-' &&
         std::ranges::all_of(text, is_plain);
}

}  // namespace

MachineAddress parse_address(std::string_view output) {
  const auto words = split(trimmed(output), ' ');
  if (words.size() > 2 || !is_host(words[0]) || words[0] == "unknown") return {};
  if (words[0] == "none") return {.kind = MachineAddress::Kind::none};
  MachineAddress address{.kind = MachineAddress::Kind::known, .host = words[0]};
  if (words.size() == 2) {
    std::uint16_t port = 0;
    const char* end = words[1].data() + words[1].size();
    const auto [last, error] = std::from_chars(words[1].data(), end, port);
    if (error != std::errc{} || last != end || port == 0) return {};
    address.port = port;
  }
  return address;
}

Milliseconds retry_delay(int failures, bool somebody_waits) {
  const auto grown =
      std::chrono::seconds(1U << static_cast<unsigned>(std::clamp(failures, 1, 6) - 1));
  return std::min<Milliseconds>(grown, std::chrono::seconds(somebody_waits ? 2 : 30));
}

}  // namespace carrel
