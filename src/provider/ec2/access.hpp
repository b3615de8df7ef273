// Who may come in: the person's key on this computer and the security group of the person in a
// network. Both are made once, are found again, and stay when machines go: they cost nothing, and
// other machines of the person use them.
#pragma once

#include "aws/client.hpp"
#include "base/error.hpp"
#include "os/https.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct LocalKey {
  std::filesystem::path identity;  // the private key, 0600
  std::string public_key;          // "ssh-ed25519 AAAA... carrel"
  std::string fingerprint;         // SHA-256 in base 64 without padding, as ssh-keygen shows it
  std::string fingerprint8;        // the first 8 hexadecimal digits of the same
};

// Where the private key is, below that folder.
inline std::filesystem::path identity_in(const std::filesystem::path& folder) {
  return folder / "key" / "id";
}
// Made by ssh-keygen where there is none yet. `folder`: private, `folder`/key will hold it.
Result<LocalKey> local_key(Processes& processes, const Environment& environment,
                           const std::filesystem::path& folder, const Wait& wait);

// The name under which the region knows the key: carrel-OWNER-FINGERPRINT8. A key pair of this name
// with another key is Reason::unverified.
Result<std::string> ensure_key_pair(const AwsClient& client, const LocalKey& key,
                                    const std::string& owner, const Wait& wait);

// This computer's address as AWS sees it, IPv4, by https://checkip.amazonaws.com or
// CARREL_CHECKIP_URL, which must answer as that does. Waits 3 s.
Result<std::string> callers_address(Https& https, const Environment& environment, const Wait& wait);
bool is_ipv4(std::string_view text);

// The id of the group carrel-OWNER in `vpc`, which admits SSH from `address`; addresses that it
// admitted before stay.
Result<std::string> ensure_group(const AwsClient& client, const std::string& vpc,
                                 const std::string& owner, const std::string& address,
                                 const Wait& wait);

// Adds `address` to that of a machine's `groups` (ids) which is the person's own, if it is missing
// there. False: nothing was to be done.
Result<bool> admit(const AwsClient& client, const std::vector<std::string>& groups,
                   const std::string& owner, const std::string& address, const Wait& wait);

}  // namespace carrel
