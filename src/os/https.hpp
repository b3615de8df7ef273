// HTTP/1.1 requests to absolute URLs, over TLS (system CA store, TLS 1.2 or newer) or plain where
// the URL says http: endpoints on loopback and a cloud machine's metadata service. libcurl does the
// work; it is loaded by the first request, because linking it costs every start of the program 5
// ms.
//
// No redirect is followed and no cookie kept. A proxy is used for https as the environment says
// (https_proxy, no_proxy), never for plain http. Connections are kept for the next request.
#pragma once

#include "base/error.hpp"
#include "os/http.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace carrel {

struct HttpsRequest {
  std::string method = "GET";
  std::string url;  // already encoded
  Headers headers = {};
  std::string body = {};
  std::size_t body_limit = std::size_t{32} << 20U;  // of the answer, bytes
};

class Https {
 public:
  virtual ~Https() = default;
  // Any status is an answer; errors: unreachable (no such host, nobody listens, the connection is
  // lost before the answer is whole), unverified (the certificate), timed_out, interrupted, refused
  // (a body over its limit), corrupt (not HTTP). Headers and bodies may be secret: none of them is
  // ever part of an error.
  virtual Result<HttpResponse> send(const HttpsRequest& request, const Wait& wait) = 0;
};

// Any thread: each request has a connection of its own.
class CurlHttps final : public Https {
 public:
  // `authorities`: a PEM file that takes the place of the system's store.
  explicit CurlHttps(std::optional<std::filesystem::path> authorities = std::nullopt);
  ~CurlHttps() override;
  CurlHttps(const CurlHttps&) = delete;
  CurlHttps& operator=(const CurlHttps&) = delete;
  Result<HttpResponse> send(const HttpsRequest& request, const Wait& wait) override;

 private:
  class Pool;
  std::optional<std::filesystem::path> authorities_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace carrel
