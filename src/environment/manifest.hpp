// What Carrel remembers beside a workspace's copy: environments/ID/carrel.json, written when the
// copy stands. Hostile like every file: what is not as expected counts as no manifest.
#pragma once

#include "base/error.hpp"
#include "environment/environment.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct Manifest {
  std::string spec;                   // digest of what it was made from
  std::filesystem::path stdlib;       // of the interpreter below: gone when that Python was removed
  std::vector<std::string> packages;  // "numpy 2.4.0" as made
  PreparedEnvironment prepared;

  std::string to_json() const;
  static std::optional<Manifest> from_json(std::string_view json);
};

// What interpreter_probe prints.
struct Interpreter {
  std::string executable;
  std::string real;
  std::string version;
  std::filesystem::path prefix;
  std::filesystem::path base_prefix;
  std::filesystem::path stdlib;
  std::string platform;
  bool nvidia = false;
  bool has_ipykernel = false;
  std::vector<std::pair<std::string, std::string>> packages;  // normalised name, version

  static Result<Interpreter> from_output(std::string_view output);
  bool at_least(int major, int minor) const;
};

// "scikit_learn-1.9.0.dist-info" → "scikit-learn 1.9.0"; from a script's "@package" lines, sorted.
std::vector<std::string> packages_in(std::string_view output);
std::string normalised_package(std::string_view name);  // PEP 503

}  // namespace carrel
