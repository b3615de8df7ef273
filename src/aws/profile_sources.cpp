#include "aws/profile_sources.hpp"

#include "aws/chain.hpp"
#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/json.hpp"
#include "aws/metadata.hpp"
#include "aws/service.hpp"
#include "aws/sign.hpp"
#include "aws/time.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace carrel {
namespace {

constexpr std::chrono::seconds process_limit{60};
constexpr Service sso_service{"SSO", "portal.sso", "", Protocol::json, ""};

Credentials keys(std::string id, std::string secret, std::string token, std::string source) {
  return {.access_key = std::move(id),
          .secret_key = Secret(std::move(secret)),
          .session_token = Secret(std::move(token)),
          .source = std::move(source)};
}

std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, 20> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Result<Credentials> run_for_credentials(const ProcessSpec& spec, std::string source,
                                        const std::string& hint, const ChainOutside& outside,
                                        const Wait& wait) {
  auto result = outside.processes.run(spec, wait.sooner(process_limit));
  if (!result) return fail(std::move(result).error().while_doing("asking " + source));
  if (result->status != 0) {
    return fail(credentials_error(fmt::format("{} gives no credentials", source),
                                  printable(last_lines(result->error, 5)), hint));
  }
  return parse_credentials(result->output, std::move(source));
}

struct SsoProfile {
  std::string start_url;
  std::string region;
  std::string account;
  std::string role;
  std::string cache_key;
};

std::optional<SsoProfile> sso_profile(const AwsConfig& config, const std::string& profile) {
  const auto setting = [&](std::string_view key) { return config.setting(profile, key); };
  SsoProfile sso{.start_url = setting("sso_start_url"),
                 .region = setting("sso_region"),
                 .account = setting("sso_account_id"),
                 .role = setting("sso_role_name"),
                 .cache_key = {}};
  const std::string session = setting("sso_session");
  if (const auto found = config.sso_sessions.find(session); found != config.sso_sessions.end()) {
    if (const auto url = found->second.find("sso_start_url"); url != found->second.end()) {
      sso.start_url = url->second;
    }
    if (const auto region = found->second.find("sso_region"); region != found->second.end()) {
      sso.region = region->second;
    }
  }
  if (sso.account.empty() || sso.role.empty() || sso.start_url.empty()) return std::nullopt;
  sso.cache_key = session.empty() ? sso.start_url : session;
  return sso;
}

// The token of the last `aws sso login`, if it is still good.
std::optional<Secret> cached_token(const AwsConfig& config, const SsoProfile& sso, WallTime now) {
  const auto path = config.home / ".aws/sso/cache" / (sha1_hex(sso.cache_key) + ".json");
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  const auto json = parse_json_object(*text, "the cached token");
  if (!json) return std::nullopt;
  const auto expires = aws_time(json_text(*json, "expiresAt"));
  const std::string token = json_text(*json, "accessToken");
  if (token.empty() || !expires || *expires <= now) return std::nullopt;
  return Secret(token);
}

Result<Credentials> ask_portal(const AwsConfig& config, const SsoProfile& sso, const Secret& token,
                               const std::string& source, const ChainOutside& outside,
                               const Wait& wait) {
  const std::string url = endpoint_url(sso_service, sso.region, endpoint_overrides(config)) +
                          fmt::format("federation/credentials?role_name={}&account_id={}",
                                      percent_encoded(sso.role), percent_encoded(sso.account));
  const auto response = TRY(outside.https.send(
      {.url = url, .headers = {{"x-amz-sso_bearer_token", token.reveal()}}}, wait));
  const Json answer = TRY(parse_json_object(response.body, "the answer of IAM Identity Center"));
  if (response.status != 200) {
    return fail(
        credentials_error("IAM Identity Center gives no credentials",
                          printable(fmt::format("{} (HTTP status {})", json_text(answer, "message"),
                                                response.status)),
                          "aws sso login"));
  }
  const Json& role = json_member(answer, "roleCredentials");
  Credentials credentials = keys(json_text(role, "accessKeyId"), json_text(role, "secretAccessKey"),
                                 json_text(role, "sessionToken"), source);
  if (const auto expires = json_number(role, "expiration")) {
    credentials.expires = WallTime(std::chrono::duration_cast<WallTime::duration>(
        std::chrono::duration<double, std::milli>(*expires)));
  }
  return credentials;
}

}  // namespace

Error credentials_error(std::string what, std::string why, std::string hint, Reason reason) {
  return {.what = std::move(what),
          .why = std::move(why),
          .hint = std::move(hint),
          .exit = Exit::act,
          .reason = reason,
          .trace = {}};
}

MaybeCredentials keys_in_environment(const AwsConfig& config) {
  const std::string id = config.variable("AWS_ACCESS_KEY_ID");
  const std::string secret = config.variable("AWS_SECRET_ACCESS_KEY");
  if (id.empty()) return std::optional<Credentials>();
  if (secret.empty()) {
    return fail(credentials_error("the credentials in the environment are not whole",
                                  "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not",
                                  "set both, or neither"));
  }
  std::string token = config.variable("AWS_SESSION_TOKEN");
  if (token.empty()) token = config.variable("AWS_SECURITY_TOKEN");
  Credentials found = keys(id, secret, std::move(token), "the environment");
  found.expires = aws_time(config.variable("AWS_CREDENTIAL_EXPIRATION"));
  return std::optional(std::move(found));
}

MaybeCredentials keys_of(const AwsConfig& config, const std::string& profile) {
  for (const auto& [sections, file] :
       {std::pair(&config.credentials, "credentials"), std::pair(&config.profiles, "config")}) {
    const auto section = sections->find(profile);
    if (section == sections->end()) continue;
    const auto setting = [&](std::string_view key) {
      const auto found = section->second.find(key);
      return found == section->second.end() ? std::string() : found->second;
    };
    const std::string id = setting("aws_access_key_id");
    if (id.empty()) continue;
    const std::string source = fmt::format("profile '{}' in AWS's {} file", profile, file);
    if (setting("aws_secret_access_key").empty()) {
      return fail(credentials_error(source + " is not whole", "it has no aws_secret_access_key",
                                    "aws configure --profile " + shell_quoted(profile)));
    }
    return std::optional(
        keys(id, setting("aws_secret_access_key"), setting("aws_session_token"), source));
  }
  return std::optional<Credentials>();
}

MaybeCredentials process_of(const AwsConfig& config, const std::string& profile,
                            const ChainOutside& outside, const Wait& wait) {
  const std::string command = config.setting(profile, "credential_process");
  if (command.empty()) return std::optional<Credentials>();
  // the person's own line, with quotes and ~: a shell splits it
  return std::optional(
      TRY(run_for_credentials({.argv = {"sh", "-c", command}, .environment = config.environment},
                              fmt::format("the credential_process of profile '{}'", profile),
                              "run it by hand: " + command, outside, wait)));
}

MaybeCredentials sso_of(const AwsConfig& config, const std::string& profile,
                        const ChainOutside& outside, const Wait& wait) {
  const auto sso = sso_profile(config, profile);
  if (!sso) return std::optional<Credentials>();
  const std::string source = fmt::format("the SSO login of profile '{}'", profile);
  if (const auto token = cached_token(config, *sso, outside.clock.wall())) {
    return std::optional(TRY(ask_portal(config, *sso, *token, source, outside, wait)));
  }
  const std::string login = "aws sso login --profile " + shell_quoted(profile);
  auto exported = run_for_credentials({.argv = {"aws", "configure", "export-credentials",
                                                "--profile", profile, "--format", "process"},
                                       .environment = config.environment},
                                      source, login, outside, wait);
  if (exported) return std::optional(*std::move(exported));
  if (exported.error().reason == Reason::not_found) {
    return fail(credentials_error(source + " has expired", "", login));
  }
  return fail(std::move(exported).error());
}

}  // namespace carrel
