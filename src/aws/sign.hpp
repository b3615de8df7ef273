// AWS Signature Version 4 in the Authorization header (AWS: "Create a signed AWS API request").
// Pure: the time is an argument. Every header of the request is signed, and Host, which comes from
// the URL.
#pragma once

#include "aws/credentials.hpp"
#include "os/clock.hpp"
#include "os/https.hpp"

#include <string>
#include <string_view>

namespace carrel {

struct SigningScope {
  std::string region;
  std::string service;  // the signing name: "ec2"
};

// The request with X-Amz-Date, X-Amz-Security-Token (for temporary credentials) and Authorization.
// Paths are taken as they are: no "." or "//" is resolved.
HttpsRequest signed_request(HttpsRequest request, const Credentials& credentials,
                            const SigningScope& scope, WallTime time);

// The first of the four steps, for tests; `request` has its X-Amz-Date already.
std::string canonical_request(const HttpsRequest& request);

std::string sha256(std::string_view bytes);  // 32 raw bytes
// RFC 3986: all but letters, digits and "-._~"; bytes of `keep` stay too.
std::string percent_encoded(std::string_view text, std::string_view keep = {});

}  // namespace carrel
