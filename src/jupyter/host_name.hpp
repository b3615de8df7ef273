// Host names and addresses as a certificate has them (RFC 5280, 4.2.1.6), told apart by their form.
// Internal to this part.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace carrel {

// In network order: 4 bytes of an IPv4 address, 16 of an IPv6 address without scope.
std::optional<std::string> address_bytes(const std::string& text);
std::string address_text(std::string_view bytes);  // "" unless 4 or 16 bytes
bool is_address(const std::string& text);

// One text for equal names: lower case without a final dot, addresses as inet_ntop writes them.
// None for what is neither.
std::optional<std::string> canonical_name(const std::string& name);

}  // namespace carrel
