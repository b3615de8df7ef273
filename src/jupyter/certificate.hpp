// A self-signed TLS certificate for a workspace's public door: ECDSA P-256, SHA-256, v3,
// serverAuth, 397 days (browsers refuse more), subject alternative names for the host's names and
// addresses (RFC 5280, 6125). Made with OpenSSL's libcrypto.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "os/clock.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct Certificate {
  std::string certificate_pem;
  Secret key_pem;
};

// `names`: DNS names and IP addresses, told apart by their form; the first is the common name.
// notBefore is a day before `now` (clocks differ).
Result<Certificate> make_certificate(const std::vector<std::string>& names, WallTime now);
struct CertificateFacts {
  std::string fingerprint;  // SHA-256 as browsers show it: "AB:CD:..."
  WallTime not_after;
  std::vector<std::string> names;
};
Result<CertificateFacts> read_certificate(std::string_view certificate_pem);
// To be renewed: less than 30 days left, or a name is not covered.
bool needs_renewal(const CertificateFacts& facts, const std::vector<std::string>& names,
                   WallTime now);
// This host's names and addresses (hostname, loopback, every interface's address).
std::vector<std::string> host_names();

}  // namespace carrel
