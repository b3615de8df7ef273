#include "workspace/spec.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/number.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "jupyter/password.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace carrel {
namespace {

struct Place {
  std::string_view file;
  toml::source_position position;
  std::string text() const { return fmt::format("{}:{}:{}", file, position.line, position.column); }
};

std::unexpected<Error> refuse(const Place& place, std::string_view what, std::string hint = {}) {
  return usage_error(fmt::format("{}: {}", place.text(), what), std::move(hint));
}

Result<std::string> string_at(const toml::node& node, std::string_view key, const Place& place) {
  if (const auto value = node.value<std::string>(); value && node.is_string() && !value->empty())
    return *value;
  return refuse(place, fmt::format("{} must be a text in quotes", key));
}

Result<> set_key(Spec& spec, std::string_view key, const toml::node& node, const Place& place) {
  if (key == "name") {
    auto name = WorkspaceName::parse(TRY(string_at(node, key, place)));
    if (!name) return refuse(place, name.error().what, name.error().hint);
    spec.name = *name;
  } else if (key == "on") {
    spec.on = TRY(string_at(node, key, place));
  } else if (key == "environment") {
    spec.environment = TRY(string_at(node, key, place));
  } else if (key == "notebook") {
    auto path = TRY(string_at(node, key, place));
    if (auto checked = check_notebook_path(path); !checked) {
      return refuse(place, checked.error().what, checked.error().hint);
    }
    spec.notebook = std::move(path);
  } else if (key == "port") {
    const auto port = node.value<std::int64_t>();
    if (!node.is_integer() || !port || *port < 1 || *port > 65535) {
      return refuse(place, "port must be a whole number from 1 to 65535");
    }
    spec.port = static_cast<std::uint16_t>(*port);
  } else if (key == "public") {
    if (!node.is_boolean()) return refuse(place, "public must be true or false");
    spec.public_reach = node.value<bool>();
  } else if (key == "password_hash") {
    auto hash = TRY(string_at(node, key, place));
    if (auto checked = check_password_hash(hash); !checked) {
      return refuse(place, checked.error().what, checked.error().hint);
    }
    spec.password_hash = Secret(std::move(hash));
  } else if (key == "gpu") {
    spec.gpu = TRY(string_at(node, key, place));
  } else if (key == "instance") {
    spec.instance = TRY(string_at(node, key, place));
  } else if (key == "region") {
    spec.region = TRY(string_at(node, key, place));
  } else if (key == "image") {
    spec.image = TRY(string_at(node, key, place));
  } else if (key == "disk_gb") {
    const auto number = node.value<std::int64_t>();
    auto disk = parse_disk(node.is_integer() && number ? std::to_string(*number) : "");
    if (!disk) return refuse(place, disk.error().what, disk.error().hint);
    spec.disk_gb = *disk;
  } else if (key == "count") {
    const auto number = node.value<std::int64_t>();
    auto count = parse_count(node.is_integer() && number ? std::to_string(*number) : "");
    if (!count) return refuse(place, count.error().what, count.error().hint);
    spec.count = *count;
  } else if (key == "profile") {
    spec.profile = TRY(string_at(node, key, place));
  } else if (key == "from") {
    auto network = parse_network(TRY(string_at(node, key, place)));
    if (!network) return refuse(place, network.error().what, network.error().hint);
    spec.from = *std::move(network);
  } else if (key == "user") {
    auto login = parse_login(TRY(string_at(node, key, place)));
    if (!login) return refuse(place, login.error().what, login.error().hint);
    spec.user = *std::move(login);
  } else if (key == "lifetime") {
    auto lifetime = parse_lifetime(TRY(string_at(node, key, place)));
    if (!lifetime) return refuse(place, lifetime.error().what, lifetime.error().hint);
    spec.lifetime = *lifetime;
  } else if (key == "password") {
    return refuse(place, "a password does not belong in a file",
                  "carrel password   makes a hash; write it as password_hash = \"argon2:...\"");
  } else {
    const auto near = nearest(key, spec_keys());
    return refuse(place, fmt::format("unknown key {}", printable(key)),
                  near ? fmt::format("did you mean {}?", *near)
                       : fmt::format("known keys: {}", join(spec_keys(), ", ")));
  }
  return {};
}

}  // namespace

const std::vector<std::string>& spec_keys() {
  static const std::vector<std::string> keys = {
      "name",          "on",      "environment", "notebook", "port",   "public",
      "password_hash", "gpu",     "count",       "instance", "region", "profile",
      "image",         "disk_gb", "lifetime",    "from",     "user"};
  return keys;
}

Spec Spec::over(const Spec& below) const {
  return {
      .name = name ? name : below.name,
      .on = on ? on : below.on,
      .environment = environment ? environment : below.environment,
      .notebook = notebook ? notebook : below.notebook,
      .port = port ? port : below.port,
      .public_reach = public_reach ? public_reach : below.public_reach,
      .password_hash = password_hash ? password_hash : below.password_hash,
      .gpu = gpu || instance ? gpu : below.gpu,  // one takes the place of the other
      .count = gpu || instance || count ? count : below.count,
      .instance = gpu || instance ? instance : below.instance,
      .region = region ? region : below.region,
      .profile = profile ? profile : below.profile,
      .image = image ? image : below.image,
      .disk_gb = disk_gb ? disk_gb : below.disk_gb,
      .lifetime = lifetime ? lifetime : below.lifetime,
      .from = from ? from : below.from,
      .user = user ? user : below.user,
  };
}

Result<std::chrono::minutes> parse_lifetime(std::string_view text) {
  const auto refused = [&] {
    return usage_error(fmt::format("a lifetime of \"{}\" makes no sense", printable(text)),
                       "from 10m to 90d, such as 90m, 12h or 2d");
  };
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc{} || number < 0 || number > 129600) return refused();
  const std::int64_t minutes = unit == "m" ? 1 : unit == "h" ? 60 : unit == "d" ? 1440 : 0;
  const std::chrono::minutes lifetime(number * minutes);
  if (lifetime < std::chrono::minutes(10) || lifetime > std::chrono::days(90)) return refused();
  return lifetime;
}

Result<int> parse_count(std::string_view text) {
  if (const auto number = number_of<int>(text); number && *number >= 1 && *number <= 64) {
    return *number;
  }
  return usage_error("a machine has a whole number of GPUs, from 1 to 64", "count = 4");
}

Result<std::string> parse_network(std::string_view text) {
  const auto refused = [&](std::string hint) {
    return usage_error(fmt::format("\"{}\" is no network", printable(text)), std::move(hint));
  };
  const std::string usual = "203.0.113.7, 203.0.113.0/24 or 2001:db8::/56";
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const int family = address.contains(':') ? AF_INET6 : AF_INET;
  const int most = family == AF_INET6 ? 128 : 32;
  if (::inet_pton(family, address.c_str(), bytes.data()) != 1) return refused(usual);
  int length = most;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size()) return refused(usual);
  }
  if (length < 0 || length > most) return refused(usual);
  auto network = bytes;
  for (int bit = length; bit < most; ++bit) {
    network.at(static_cast<std::size_t>(bit) / 8) &=
        static_cast<unsigned char>(~(0x80U >> (bit % 8)));
  }
  std::array<char, INET6_ADDRSTRLEN> shown{};
  ::inet_ntop(family, network.data(), shown.data(), shown.size());
  auto whole = fmt::format("{}/{}", shown.data(), length);
  if (network != bytes) return refused("its network is " + whole);
  return whole;
}

Result<std::string> parse_login(std::string_view text) {
  constexpr std::size_t longest = 32;
  const bool good =
      !text.empty() && text.size() <= longest && (text[0] < '0' || text[0] > '9') &&
      text[0] != '-' && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  if (good) return std::string(text);
  return usage_error(fmt::format("\"{}\" is no login name", printable(text)),
                     "for example ubuntu, ec2-user, admin");
}

Result<int> parse_disk(std::string_view text) {
  if (const auto number = number_of<int>(text); number && *number >= 1 && *number <= 16384) {
    return *number;
  }
  return usage_error("a disk has a whole number of GiB, from 1 to 16384", "disk_gb = 100");
}

Result<> check_notebook_path(std::string_view path) {
  const auto parts = split(path, '/');
  bool inside = !path.empty() && path.front() != '/' && path.find('\\') == std::string_view::npos &&
                printable(path) == path && path.find_first_of("\n\t") == std::string_view::npos;
  for (const auto& part : parts) inside = inside && !part.empty() && part != "." && part != "..";
  if (!inside) {
    return usage_error(
        fmt::format("notebook = \"{}\" is not a path inside the folder", printable(path)),
        "give it relative to the folder: notebook = \"lessons/first.ipynb\"");
  }
  if (!path.ends_with(".ipynb")) {
    return usage_error(fmt::format("notebook = \"{}\" is no notebook: its name must end in .ipynb",
                                   printable(path)));
  }
  return {};
}

Result<Spec> parse_spec(std::string_view text, std::string_view file_name, std::string_view table) {
  toml::table document;
  try {
    document = toml::parse(text);
  } catch (const toml::parse_error& error) {
    const Place place{file_name, error.source().begin};
    return usage_error(fmt::format("{}: {}", place.text(), printable(error.description())));
  }
  const toml::table* found = &document;
  if (!table.empty()) {
    const auto node = document.at_path(table);
    if (!node) return Spec{};
    found = node.as_table();
    if (found == nullptr) {
      return refuse({file_name, node.node()->source().begin},
                    fmt::format("{} must be a table", table));
    }
  }
  Spec spec;
  for (const auto& [key, node] : *found) {
    TRY(set_key(spec, key.str(), node, {file_name, key.source().begin}));
  }
  return spec;
}

std::string spec_text(const Spec& spec) {
  toml::table table;
  if (spec.name) table.insert("name", spec.name->text());
  if (spec.on) table.insert("on", *spec.on);
  if (spec.environment) table.insert("environment", *spec.environment);
  if (spec.notebook) table.insert("notebook", *spec.notebook);
  if (spec.port) table.insert("port", std::int64_t{*spec.port});
  if (spec.public_reach) table.insert("public", *spec.public_reach);
  if (spec.password_hash) table.insert("password_hash", spec.password_hash->reveal());
  if (spec.gpu) table.insert("gpu", *spec.gpu);
  if (spec.count) table.insert("count", std::int64_t{*spec.count});
  if (spec.instance) table.insert("instance", *spec.instance);
  if (spec.region) table.insert("region", *spec.region);
  if (spec.profile) table.insert("profile", *spec.profile);
  if (spec.image) table.insert("image", *spec.image);
  if (spec.disk_gb) table.insert("disk_gb", std::int64_t{*spec.disk_gb});
  if (spec.lifetime) table.insert("lifetime", fmt::format("{}m", spec.lifetime->count()));
  if (spec.from) table.insert("from", *spec.from);
  if (spec.user) table.insert("user", *spec.user);
  std::ostringstream text;
  text << table;
  return std::move(text).str();
}

Result<Spec> spec_of_folder(const std::map<std::string, std::string>& files) {
  if (const auto file = files.find("carrel.toml"); file != files.end())
    return parse_spec(file->second, file->first);
  if (const auto file = files.find("pyproject.toml"); file != files.end()) {
    return parse_spec(file->second, file->first, "tool.carrel");
  }
  return Spec{};
}

}  // namespace carrel
