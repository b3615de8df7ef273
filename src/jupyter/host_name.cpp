#include "jupyter/host_name.hpp"

#include "base/text.hpp"
#include "jupyter/certificate.hpp"
#include "os/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstring>
#include <ifaddrs.h>
#include <iterator>
#include <memory>
#include <net/if.h>  // NOLINT(misc-include-cleaner): IFF_UP, a macro
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace carrel {
namespace {

constexpr std::size_t most_host_name = 253;
constexpr std::size_t most_label = 63;

bool is_label(std::string_view label) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= most_label && std::ranges::all_of(label, is_allowed) &&
         label.front() != '-' && label.back() != '-';
}

std::string lowered(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// What another machine can reach this one at: without its scope a link-local address names no
// interface.
std::string interface_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return address_text({reinterpret_cast<const char*>(&v4.sin_addr), sizeof v4.sin_addr});
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) return "";
    return address_text({reinterpret_cast<const char*>(&v6.sin6_addr), sizeof v6.sin6_addr});
  }
  return "";
}

std::vector<std::string> interface_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> freed(list, &::freeifaddrs);
  std::vector<std::string> addresses;
  for (const auto* each = list; each; each = each->ifa_next) {
    if (each->ifa_addr && (each->ifa_flags & IFF_UP) != 0) {
      addresses.push_back(interface_address(each->ifa_addr));
    }
  }
  return addresses;
}

}  // namespace

std::optional<std::string> address_bytes(const std::string& text) {
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return std::string(bytes.data(), 4);
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return std::string(bytes.data(), 16);
  return {};
}

std::string address_text(std::string_view bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  return ::inet_ntop(family, bytes.data(), text.data(), text.size()) ? text.data() : "";
}

bool is_address(const std::string& text) {
  return address_bytes(text).has_value();
}

std::optional<std::string> canonical_name(const std::string& name) {
  if (name.find('\0') != std::string::npos) return {};
  if (const auto bytes = address_bytes(name)) return address_text(*bytes);
  auto text = lowered(name);
  if (text.ends_with('.')) text.pop_back();
  if (text.empty() || text.size() > most_host_name) return {};
  const auto labels = split(text, '.');
  if (!std::ranges::all_of(labels, is_label)) return {};
  // 10.0.0.256 is a mistaken address, not a name: no top-level domain is a number.
  if (labels.back().find_first_not_of("0123456789") == std::string::npos) return {};
  return text;
}

std::vector<std::string> host_names() {
  std::vector<std::string> found = {node_name(), "localhost", "127.0.0.1", "::1"};
  std::ranges::copy(interface_addresses(), std::back_inserter(found));
  std::vector<std::string> names;
  for (const auto& each : found) {
    const auto name = canonical_name(each);
    if (name && std::ranges::find(names, *name) == names.end()) names.push_back(*name);
  }
  return names;
}

}  // namespace carrel
