// The spec: what a workspace should be. In this order, the first that says something wins: flags,
// `carrel.toml` (or [tool.carrel] in pyproject.toml) in the folder, what the folder's own files
// say, defaults.
//
// Keys: name, on, environment, notebook, port, public, password_hash; of a machine that is paid for
// gpu, count, instance, region, profile, image, disk_gb, lifetime, from, user
// (docs/reference/carrel.toml.md).
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/secret.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct Spec {
  std::optional<WorkspaceName> name;
  std::optional<std::string> on;           // a provider's name
  std::optional<std::string> environment;  // a preset, or a path
  std::optional<std::string> notebook;     // opened first; relative to the folder, inside it
  std::optional<std::uint16_t> port;
  std::optional<bool> public_reach;
  std::optional<Secret> password_hash;
  std::optional<std::string> gpu;       // "T4"
  std::optional<int> count;             // of `gpu`
  std::optional<std::string> instance;  // an instance type, in place of `gpu`
  std::optional<std::string> region;
  std::optional<std::string> profile;  // whose credentials
  std::optional<std::string> image;
  std::optional<int> disk_gb;                    // GiB, as AWS means it
  std::optional<std::chrono::minutes> lifetime;  // from each start of the machine
  std::optional<std::string> from;               // the network that ssh is let in from
  std::optional<std::string> user;               // who logs in

  // What this one leaves open is taken from `below`.
  Spec over(const Spec& below) const;
};

// Reads a carrel.toml (`table` empty) or one table of a larger document ("tool.carrel"; a document
// without it is an empty spec). Errors begin with "FILE:LINE:COLUMN: " and name the nearest known
// key; a plain `password` is refused with the command that makes a hash. Exit::usage.
Result<Spec> parse_spec(std::string_view toml, std::string_view file_name,
                        std::string_view table = {});

// From the folder's files as read by read_folder_files: carrel.toml, else pyproject.toml's
// [tool.carrel].
Result<Spec> spec_of_folder(const std::map<std::string, std::string>& files);

// The spec as a carrel.toml that parse_spec reads back.
std::string spec_text(const Spec& spec);

// "90m", "12h", "2d": at least 10 minutes, at most 90 days.
Result<std::chrono::minutes> parse_lifetime(std::string_view text);
// A whole number of GiB, as EC2 takes it: 1 to 16384.
Result<int> parse_disk(std::string_view text);

// 1 to 64.
Result<int> parse_count(std::string_view text);
// A network as "203.0.113.0/24" or "2001:db8::/56", no bits beyond its length; an address alone is
// a network of its own. As it is written to a rule.
Result<std::string> parse_network(std::string_view text);
// A login name as Linux has it.
Result<std::string> parse_login(std::string_view text);

// A notebook key is a relative path inside the folder: no "..", not absolute, ends in .ipynb.
Result<> check_notebook_path(std::string_view path);

const std::vector<std::string>& spec_keys();

}  // namespace carrel
