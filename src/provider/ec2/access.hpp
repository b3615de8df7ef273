// Who may come in: the person's key on this computer and the security group of the person in a
// network. Both are made once, are found again, and stay when machines go: they cost nothing, and
// other machines of the person use them.
#pragma once

#include "aws/client.hpp"
#include "aws/ec2_instances.hpp"
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

// "SHA256:...", as ssh-keygen shows it, of a public key ("ssh-ed25519 AAAA..."); "" for what is
// none.
std::string fingerprint_of(std::string_view public_key);

// The keys that an sshd shows, "ssh-ed25519 AAAA..." each, by ssh-keyscan: nobody has vouched for
// them, and nothing but the handshake is said to it. Waits 5 s.
Result<std::vector<std::string>> offered_host_keys(Processes& processes,
                                                   const Environment& environment,
                                                   const std::string& address, const Wait& wait);

// Where ssh goes: from outside if it can be reached from there.
const std::string& address_of(const Instance& instance);

// The name under which the region knows the key: carrel-OWNER-FINGERPRINT8. A key pair of this name
// with another key is Reason::unverified.
Result<std::string> ensure_key_pair(const AwsClient& client, const LocalKey& key,
                                    const std::string& owner, const Wait& wait);

// This computer's address as AWS sees it, IPv4, by https://checkip.amazonaws.com or
// CARREL_CHECKIP_URL, which must answer as that does. Waits 3 s.
Result<std::string> callers_address(Https& https, const Environment& environment, const Wait& wait);
bool is_ipv4(std::string_view text);

// A network that is let in, by rules of the person's group.
struct Entrance {
  std::string cidr;   // "203.0.113.7/32"
  std::string whose;  // in the rules' descriptions
  bool moves = true;  // with this computer: its rules for another network go
};
Entrance entrance_of_computer(const std::string& owner, const LocalKey& key,
                              const std::string& address);
Entrance entrance_asked_for(const std::string& owner, const LocalKey& key, const std::string& cidr);

inline constexpr int ssh_port = 22;

struct Admitted {
  std::vector<int> ports;           // what was asked for, and what has moved with it
  bool opened = false;              // one of them was not before
  std::vector<std::string> closed;  // networks whose rules went
};
// For people: "ssh is open to 203.0.113.7/32 now, and closed to 198.51.100.1/32".
std::string admitted_text(const Entrance& entrance, const Admitted& admitted);

// The id of the group carrel-OWNER in `vpc`, made where there is none. It admits the entrance to
// ssh; rules that are not this computer's stay.
struct Group {
  std::string id;
  Admitted admitted;
};
Result<Group> ensure_group(const AwsClient& client, const std::string& vpc,
                           const std::string& owner, const Entrance& entrance, const Wait& wait);

// The same, for one port, in that of a machine's `groups` (ids) which is the person's own; where
// none of them is, nothing is done. Other ports that are open to this computer move with it.
Result<Admitted> admit(const AwsClient& client, const std::vector<std::string>& groups,
                       const std::string& owner, const Entrance& entrance, int port,
                       const Wait& wait);
// Takes that port's rules of these entrances, wherever they lead, from all the groups carrel-OWNER
// of the region. The networks that it is closed to now.
Result<std::vector<std::string>> shut_out(const AwsClient& client, const std::string& owner,
                                          const std::vector<Entrance>& entrances, int port,
                                          const Wait& wait);

}  // namespace carrel
