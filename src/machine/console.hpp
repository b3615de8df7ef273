// A machine's console, as far as it says who the machine is: the host keys between cloud-init's
// markers "-----BEGIN SSH HOST KEY KEYS-----" and "-----END SSH HOST KEY KEYS-----".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

// The keys of the last block that is whole, "ssh-ed25519 AAAA..." each, without comments; none when
// there is no such block yet (a console comes in pieces and late). A block that holds anything but
// public keys counts as none. Lines may carry a kernel's or cloud-init's prefix before the marker,
// and '\r' at their end.
std::vector<std::string> host_keys_of_console(std::string_view console);

// "TYPE BASE64" of a public key's line, without its comment; none when it is no public key.
std::optional<std::string> public_key_of(std::string_view line);

// A known_hosts file for one name: a line for each key (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
std::string known_hosts(std::string_view name, const std::vector<std::string>& keys);

}  // namespace carrel
