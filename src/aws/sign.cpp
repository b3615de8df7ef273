#include "aws/sign.hpp"

#include "aws/credentials.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/https.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace carrel {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> bytes{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data(), &size);
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

struct UrlParts {
  std::string_view host;
  std::string_view path;
  std::string_view query;
};

UrlParts parts_of(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  const std::string_view host = url.substr(0, url.find_first_of("/?"));
  std::string_view path = url.substr(host.size());
  std::string_view query;
  if (const std::size_t mark = path.find('?'); mark != std::string_view::npos) {
    query = path.substr(mark + 1);
    path = path.substr(0, mark);
  }
  return {host, path.empty() ? "/" : path, query};
}

std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string& part : split(query, '&')) {
    const std::size_t equals = part.find('=');
    parameters.emplace_back(
        percent_encoded(part.substr(0, equals), "%"),
        equals == std::string::npos ? "" : percent_encoded(part.substr(equals + 1), "%"));
  }
  std::ranges::sort(parameters);
  std::vector<std::string> written;
  written.reserve(parameters.size());
  for (const auto& [name, value] : parameters) written.push_back(fmt::format("{}={}", name, value));
  return join(written, "&");
}

// A run of white space counts as one.
std::string collapsed(std::string_view value) {
  std::string result;
  for (const char c : trimmed(value)) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!space || result.back() != ' ') result += space ? ' ' : c;
  }
  return result;
}

// By lower-case name; values of a repeated name in their order.
std::map<std::string, std::string> canonical_headers(const HttpsRequest& request) {
  std::map<std::string, std::string> headers;
  const auto add = [&](std::string_view name, std::string_view value) {
    std::string key(name);
    std::ranges::transform(key, key.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto [at, is_new] = headers.try_emplace(std::move(key), collapsed(value));
    if (!is_new) at->second += "," + collapsed(value);
  };
  for (const auto& [name, value] : request.headers) add(name, value);
  if (!headers.contains("host")) add("host", parts_of(request.url).host);
  return headers;
}

std::string signed_names(const std::map<std::string, std::string>& headers) {
  std::vector<std::string> names;
  names.reserve(headers.size());
  for (const auto& [name, value] : headers) names.push_back(name);
  return join(names, ";");
}

std::string without(std::string text, std::string_view unwanted) {
  std::erase_if(text, [&](char c) { return unwanted.contains(c); });
  return text;
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string percent_encoded(std::string_view text, std::string_view keep) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || std::string_view("-._~").contains(c) || keep.contains(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string canonical_request(const HttpsRequest& request) {
  const UrlParts url = parts_of(request.url);
  const auto headers = canonical_headers(request);
  std::string lines;
  for (const auto& [name, value] : headers) lines += fmt::format("{}:{}\n", name, value);
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, percent_encoded(url.path, "/%"),
                     canonical_query(url.query), lines, signed_names(headers),
                     hex(sha256(request.body)));
}

HttpsRequest signed_request(HttpsRequest request, const Credentials& credentials,
                            const SigningScope& scope, WallTime time) {
  const std::string moment = without(iso8601(time), "-:");
  const std::string day = moment.substr(0, 8);
  request.headers.emplace_back("X-Amz-Date", moment);
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token.reveal());
  }
  const std::string place = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", algorithm, moment, place,
                                          hex(sha256(canonical_request(request))));
  std::string key = hmac("AWS4" + credentials.secret_key.reveal(), day);
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    key = hmac(key, part);
  }
  request.headers.emplace_back(
      "Authorization",
      fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", algorithm,
                  credentials.access_key, place, signed_names(canonical_headers(request)),
                  hex(hmac(key, to_sign))));
  return request;
}

}  // namespace carrel
