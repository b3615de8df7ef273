#include "aws/config.hpp"

#include "aws/service.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// "ec2" of "services ec2" and of services "ec2"; none when `title` is of another kind.
std::optional<std::string> name_in(std::string_view title, std::string_view kind) {
  if (!title.starts_with(kind) || title.size() <= kind.size()) return std::nullopt;
  std::string_view name = title.substr(kind.size());
  if (name.front() != ' ' && name.front() != '\t') return std::nullopt;
  name = trimmed(name);
  if (name.size() >= 2 && name.front() == name.back() && (name[0] == '"' || name[0] == '\'')) {
    name = name.substr(1, name.size() - 2);
  }
  return std::string(name);
}

Result<ConfigSections> read_config(const std::filesystem::path& path) {
  auto text = read_file(path);
  if (!text && text.error().reason == Reason::not_found) return ConfigSections();
  if (!text) return fail(std::move(text).error().while_doing("reading AWS's configuration"));
  return parse_config(*text);
}

std::filesystem::path path_in(const AwsConfig& config, std::string_view variable,
                              std::string_view usual) {
  const std::string given = config.variable(variable);
  if (given.empty()) return config.home / usual;
  return given.starts_with("~/") ? config.home / given.substr(2) : std::filesystem::path(given);
}

std::string upper_id(std::string_view name) {
  std::string id(name);
  std::ranges::transform(id, id.begin(), [](unsigned char c) {
    return c == ' ' || c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return id;
}

}  // namespace

ConfigSections parse_config(std::string_view text) {
  ConfigSections sections;
  ConfigSection* section = nullptr;
  std::string outer;  // the setting that an indented line belongs to
  for (const std::string& line : lines_of(text)) {
    const std::string_view content = trimmed(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    if (content.front() == '[') {
      const std::string_view title = content.substr(1, content.find(']') - 1);
      section = &sections[std::string(trimmed(title))];
      outer.clear();
      continue;
    }
    const std::size_t equals = content.find_first_of("=:");
    if (section == nullptr || equals == std::string_view::npos) continue;
    const std::string key = in_lower_case(trimmed(content.substr(0, equals)));
    const std::string value(trimmed(content.substr(equals + 1)));
    const bool indented = line.front() == ' ' || line.front() == '\t';
    if (indented && !outer.empty()) {
      (*section)[fmt::format("{}.{}", outer, key)] = value;
    } else {
      (*section)[key] = value;
      outer = value.empty() ? key : "";
    }
  }
  return sections;
}

std::string AwsConfig::variable(std::string_view name) const {
  const auto found = environment.find(std::string(name));
  return found == environment.end() ? std::string() : found->second;
}

std::string AwsConfig::setting(std::string_view of_profile, std::string_view key) const {
  for (const ConfigSections* sections : {&profiles, &credentials}) {
    const auto section = sections->find(of_profile);
    if (section == sections->end()) continue;
    const auto found = section->second.find(key);
    if (found != section->second.end()) return found->second;
  }
  return {};
}

bool AwsConfig::has_profile(std::string_view name) const {
  return profiles.contains(name) || credentials.contains(name);
}

std::vector<std::string> AwsConfig::profile_names() const {
  std::set<std::string> names;
  for (const auto& [name, section] : profiles) names.insert(name);
  for (const auto& [name, section] : credentials) names.insert(name);
  return {names.begin(), names.end()};
}

Result<AwsConfig> load_aws_config(const Environment& environment,
                                  const std::optional<std::string>& profile) {
  AwsConfig config{.environment = environment, .home = {}};
  config.home = config.variable("HOME");
  config.credentials =
      TRY(read_config(path_in(config, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")));
  for (auto& [title, section] :
       TRY(read_config(path_in(config, "AWS_CONFIG_FILE", ".aws/config")))) {
    if (title == "default") config.profiles[title] = section;
    if (auto name = name_in(title, "profile")) config.profiles[*name] = section;
    if (auto name = name_in(title, "sso-session")) config.sso_sessions[*name] = section;
    if (auto name = name_in(title, "services")) config.services[*name] = section;
  }
  std::string named = profile.value_or(config.variable("AWS_PROFILE"));
  if (named.empty()) named = config.variable("AWS_DEFAULT_PROFILE");
  config.profile_was_named = profile.has_value();
  if (named.empty()) return config;
  config.profile = named;
  if (config.has_profile(named)) return config;
  const auto names = config.profile_names();
  const auto meant = nearest(named, names);
  return fail({.what = fmt::format("AWS's configuration has no profile '{}'", printable(named)),
               .why = names.empty() ? "it has no profile at all"
                                    : printable("it has: " + join(names, ", ")),
               .hint = meant ? fmt::format("did you mean {}?", printable(*meant))
                             : "aws configure --profile NAME makes one",
               .exit = Exit::act,
               .reason = Reason::not_found,
               .trace = {}});
}

std::string configured_region(const AwsConfig& config) {
  for (const std::string_view name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (std::string region = config.variable(name); !region.empty()) return region;
  }
  return config.setting(config.profile, "region");
}

EndpointOverrides endpoint_overrides(const AwsConfig& config) {
  EndpointOverrides overrides;
  const auto ignored = [](std::string_view value) { return in_lower_case(value) == "true"; };
  if (ignored(config.variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) ||
      ignored(config.setting(config.profile, "ignore_configured_endpoint_urls"))) {
    return overrides;
  }
  // the first to name a service wins: the environment before the file, one service before all
  static constexpr std::string_view variable = "AWS_ENDPOINT_URL";
  for (const auto& [name, value] : config.environment) {
    if (!name.starts_with(variable) || value.empty()) continue;
    if (name == variable) overrides.emplace("", value);
    if (name.substr(variable.size()).starts_with('_')) {
      overrides.emplace(name.substr(variable.size() + 1), value);
    }
  }
  if (overrides.contains("")) return overrides;
  const auto services = config.services.find(config.setting(config.profile, "services"));
  if (services != config.services.end()) {
    for (const auto& [key, value] : services->second) {
      static constexpr std::string_view end = ".endpoint_url";
      if (key.ends_with(end)) {
        overrides.emplace(upper_id(key.substr(0, key.size() - end.size())), value);
      }
    }
  }
  const std::string all = config.setting(config.profile, "endpoint_url");
  if (!all.empty()) overrides.emplace("", all);
  return overrides;
}

std::optional<std::filesystem::path> certificate_authorities(const AwsConfig& config) {
  std::string path = config.variable("AWS_CA_BUNDLE");
  if (path.empty()) path = config.setting(config.profile, "ca_bundle");
  if (path.empty()) return std::nullopt;
  return path;
}

}  // namespace carrel
