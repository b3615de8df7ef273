#include "aws/metadata.hpp"

#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/json.hpp"
#include "aws/sign.hpp"
#include "aws/time.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "os/file.hpp"
#include "os/http.hpp"
#include "os/https.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::chrono::seconds patience{1};
constexpr std::size_t body_limit = std::size_t{64} << 10U;
constexpr std::string_view roles = "latest/meta-data/iam/security-credentials/";
constexpr std::string_view machine = "the role of this EC2 machine";
constexpr std::string_view container = "the role of this container";

Error not_there(std::string what, std::string why, Reason reason) {
  return {.what = std::move(what),
          .why = std::move(why),
          .hint = {},
          .exit = Exit::failed,
          .reason = reason,
          .trace = {}};
}

std::string base_of(const AwsConfig& config) {
  std::string base = config.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty()) base = config.setting(config.profile, "ec2_metadata_service_endpoint");
  if (base.empty()) base = "http://169.254.169.254/";
  return base.ends_with('/') ? base : base + "/";
}

class Metadata {
 public:
  static Result<Metadata> open(const AwsConfig& config, Https& https, const Wait& wait) {
    if (config.variable("AWS_EC2_METADATA_DISABLED") == "true") {
      return fail(not_there("the metadata service is not asked", "AWS_EC2_METADATA_DISABLED is set",
                            Reason::unreachable));
    }
    const std::string base = base_of(config);
    auto response = TRY(https.send({.method = "PUT",
                                    .url = base + "latest/api/token",
                                    .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "300"}},
                                    .body_limit = body_limit},
                                   wait.sooner(patience)));
    if (response.status != 200 || response.body.empty()) {
      return fail(not_there("this machine's metadata service gives no token",
                            fmt::format("HTTP status {}", response.status), Reason::unreachable));
    }
    return Metadata(https, base, std::string(trimmed(response.body)));
  }

  Result<std::string> get(std::string_view path, const Wait& wait) const {
    auto response = TRY(https_->send({.url = base_ + std::string(path),
                                      .headers = {{"X-aws-ec2-metadata-token", token_}},
                                      .body_limit = body_limit},
                                     wait.sooner(patience)));
    if (response.status == 200) return std::string(trimmed(response.body));
    return fail(not_there(fmt::format("this machine's metadata service has no {}", path),
                          fmt::format("HTTP status {}", response.status),
                          response.status == 404 ? Reason::not_found : Reason::unreachable));
  }

 private:
  Metadata(Https& https, std::string base, std::string token)
      : https_(&https), base_(std::move(base)), token_(std::move(token)) {}
  Https* https_;
  std::string base_;
  std::string token_;
};

// botocore's list (ContainerMetadataFetcher): elsewhere plain http would show the keys to a
// network.
bool may_speak_http(std::string_view url) {
  static constexpr std::array allowed = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                         "localhost",     "127.0.0.1",      "[::1]"};
  const std::string_view rest = url.substr(std::string_view("http://").size());
  return std::ranges::any_of(allowed, [&](std::string_view host) {
    return rest.starts_with(host) &&
           (rest.size() == host.size() || std::string_view(":/?").contains(rest[host.size()]));
  });
}

Result<Headers> container_headers(const AwsConfig& config) {
  std::string token = config.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const std::string file = config.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) token = trimmed(TRY(read_file(file)));
  if (token.empty()) return Headers{};
  return Headers{{"Authorization", token}};
}

}  // namespace

Result<Credentials> parse_credentials(const std::string& json, std::string source) {
  const Json object = TRY(parse_json_object(json, source));
  std::string token = json_text(object, "Token");
  if (token.empty()) token = json_text(object, "SessionToken");
  Credentials credentials{.access_key = json_text(object, "AccessKeyId"),
                          .secret_key = Secret(json_text(object, "SecretAccessKey")),
                          .session_token = Secret(std::move(token)),
                          .source = std::move(source),
                          .expires = aws_time(json_text(object, "Expiration"))};
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return fail(not_there(fmt::format("{} has no keys", credentials.source),
                          printable(json_text(object, "Message")), Reason::corrupt));
  }
  return credentials;
}

Result<Credentials> machine_credentials(const AwsConfig& config, Https& https, const Wait& wait) {
  const Metadata metadata = TRY(Metadata::open(config, https, wait));
  const std::string listed = TRY(metadata.get(roles, wait));
  const std::string role = percent_encoded(listed.substr(0, listed.find('\n')));
  return parse_credentials(TRY(metadata.get(std::string(roles) + role, wait)),
                           std::string(machine));
}

Result<std::string> machine_region(const AwsConfig& config, Https& https, const Wait& wait) {
  const Metadata metadata = TRY(Metadata::open(config, https, wait));
  return metadata.get("latest/meta-data/placement/region", wait);
}

Result<std::optional<Credentials>> container_credentials(const AwsConfig& config, Https& https,
                                                         const Wait& wait) {
  const std::string relative = config.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = config.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return std::optional<Credentials>();
  const std::string url = relative.empty() ? full : "http://169.254.170.2" + relative;
  if (!url.starts_with("https://") && !(url.starts_with("http://") && may_speak_http(url))) {
    return fail(not_there("the container's credentials are not asked for",
                          "AWS_CONTAINER_CREDENTIALS_FULL_URI is plain http to another computer",
                          Reason::unverified));
  }
  const auto response = TRY(
      https.send({.url = url, .headers = TRY(container_headers(config)), .body_limit = body_limit},
                 wait.sooner(patience)));
  if (response.status != 200) {
    return fail(not_there("the container's credentials endpoint gives none",
                          fmt::format("HTTP status {}", response.status), Reason::refused));
  }
  return std::optional(TRY(parse_credentials(response.body, std::string(container))));
}

}  // namespace carrel
