#include "environment/manifest.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "environment/environment.hpp"
#include "environment/failing.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::json;
constexpr int manifest_version = 1;

Json prepared_json(const PreparedEnvironment& prepared) {
  return {{"argv", prepared.kernel.argv},
          {"display_name", prepared.kernel.display_name},
          {"environment", prepared.kernel.environment},
          {"prefix", prepared.prefix.string()},
          {"python_version", prepared.python_version},
          {"summary", prepared.summary},
          {"key", prepared.key},
          {"existing", prepared.existing}};
}

// Throws nlohmann's exceptions; the callers catch.
PreparedEnvironment prepared_of(const Json& json) {
  PreparedEnvironment prepared;
  json.at("argv").get_to(prepared.kernel.argv);
  json.at("display_name").get_to(prepared.kernel.display_name);
  json.at("environment").get_to(prepared.kernel.environment);
  prepared.prefix = json.at("prefix").get<std::string>();
  json.at("python_version").get_to(prepared.python_version);
  json.at("summary").get_to(prepared.summary);
  json.at("key").get_to(prepared.key);
  json.at("existing").get_to(prepared.existing);
  return prepared;
}

std::string dumped(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string PreparedEnvironment::to_json() const {
  return dumped(prepared_json(*this));
}

Result<PreparedEnvironment> PreparedEnvironment::from_json(std::string_view json) {
  try {
    return prepared_of(Json::parse(json));
  } catch (const Json::exception& error) {
    return failed("the record of the environment is damaged", printable(error.what()),
                  "`carrel up` makes it anew", Exit::failed, Reason::corrupt);
  }
}

std::string Manifest::to_json() const {
  return dumped({{"version", manifest_version},
                 {"spec", spec},
                 {"stdlib", stdlib.string()},
                 {"packages", packages},
                 {"prepared", prepared_json(prepared)}});
}

std::optional<Manifest> Manifest::from_json(std::string_view json) {
  try {
    const auto root = Json::parse(json);
    if (root.at("version") != manifest_version) return {};
    Manifest manifest;
    root.at("spec").get_to(manifest.spec);
    manifest.stdlib = root.at("stdlib").get<std::string>();
    root.at("packages").get_to(manifest.packages);
    manifest.prepared = prepared_of(root.at("prepared"));
    return manifest;
  } catch (const Json::exception&) {
    return {};
  }
}

Result<Interpreter> Interpreter::from_output(std::string_view output) {
  constexpr std::string_view marker = "@python ";
  std::string_view line;
  const auto lines = lines_of(output);
  for (const auto& candidate : lines) {
    if (candidate.starts_with(marker)) line = std::string_view(candidate).substr(marker.size());
  }
  try {
    const auto root = Json::parse(line);
    Interpreter found;
    root.at("executable").get_to(found.executable);
    root.at("real").get_to(found.real);
    root.at("version").get_to(found.version);
    found.prefix = root.at("prefix").get<std::string>();
    found.base_prefix = root.at("base_prefix").get<std::string>();
    found.stdlib = root.at("stdlib").get<std::string>();
    root.at("platform").get_to(found.platform);
    root.at("nvidia").get_to(found.nvidia);
    found.has_ipykernel = root.value("ipykernel", false);
    const auto packages = root.value("packages", Json::object());
    for (const auto& [name, version] : packages.items()) {
      found.packages.emplace_back(normalised_package(name), version.get<std::string>());
    }
    std::ranges::sort(found.packages);
    return found;
  } catch (const Json::exception&) {
    return failed("the interpreter that was named is no Python", printable(last_lines(output, 5)),
                  "name a virtual environment or a Python interpreter", Exit::usage);
  }
}

bool Interpreter::at_least(int major, int minor) const {
  const auto parts = split(version, '.');
  int own_major = 0;
  int own_minor = 0;
  if (parts.size() < 2) return false;
  std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), own_major);
  std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), own_minor);
  return std::pair(own_major, own_minor) >= std::pair(major, minor);
}

std::vector<std::string> packages_in(std::string_view output) {
  constexpr std::string_view marker = "@package ";
  constexpr std::string_view ending = ".dist-info";
  std::vector<std::string> packages;
  for (const auto& line : lines_of(output)) {
    if (!line.starts_with(marker) || !line.ends_with(ending) ||
        line.size() < marker.size() + ending.size()) {
      continue;
    }
    const auto stem =
        std::string_view(line).substr(marker.size(), line.size() - marker.size() - ending.size());
    const auto dash = stem.rfind('-');
    if (dash == std::string_view::npos || dash == 0) continue;
    packages.push_back(printable(normalised_package(stem.substr(0, dash))) + " " +
                       printable(stem.substr(dash + 1)));
  }
  std::ranges::sort(packages);
  return packages;
}

std::string normalised_package(std::string_view name) {
  std::string normal;
  for (const char character : name) {
    if (character == '-' || character == '_' || character == '.') {
      if (!normal.ends_with('-')) normal += '-';
    } else {
      normal += character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                                     : character;
    }
  }
  return normal;
}

}  // namespace carrel
