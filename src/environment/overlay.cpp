#include "environment/overlay.hpp"

#include "channel/channel.hpp"
#include "environment/digest.hpp"
#include "environment/environment.hpp"
#include "environment/manifest.hpp"
#include "environment/recipe.hpp"
#include "environment/running.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// The folder comes last on the path, so that all of the person's packages win; nothing goes into
// the environment, so that no child process sees it.
constexpr std::string_view launcher =
    R"py("""Starts ipykernel in an environment that does not have it. Written by Carrel."""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
sys.path.append(os.path.join(here, "site"))

if __name__ == "__main__":
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()
)py";

constexpr std::size_t key_length = 32;

bool is_digit(char character) {
  return character >= '0' && character <= '9';
}

// A subset of PEP 440 that leaves out what uv would refuse: distributions patch versions in ways of
// their own.
bool is_version(std::string_view text) {
  const auto local = text.find('+');
  const auto release = text.substr(0, local);
  if (release.empty() || !is_digit(release.front())) return false;
  if (local != std::string_view::npos) {
    const auto rest = text.substr(local + 1);
    const bool plain = std::ranges::all_of(rest, [](char character) {
      return is_digit(character) || (character >= 'a' && character <= 'z') || character == '.';
    });
    if (rest.empty() || !plain || rest.front() == '.' || rest.back() == '.') return false;
  }
  static constexpr std::array<std::string_view, 5> words = {"a", "b", "rc", "post", "dev"};
  for (std::size_t at = 0; at < release.size();) {
    if (is_digit(release[at]) ||
        (release[at] == '.' && at + 1 < release.size() && release[at + 1] != '.')) {
      ++at;
    } else {
      const auto end = std::min(release.find_first_of("0123456789", at), release.size());
      if (std::ranges::find(words, release.substr(at, end - at)) == words.end()) return false;
      if (end == release.size()) return false;
      at = end;
    }
  }
  return true;
}

bool is_name(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text,
                             [](char character) {
                               return is_digit(character) ||
                                      (character >= 'a' && character <= 'z') || character == '-';
                             }) &&
         text.front() != '-' && text.back() != '-';
}

}  // namespace

std::string overlay_key(const Interpreter& interpreter) {
  std::vector<std::string_view> parts = {
      launcher,         uv_version(),        interpreter.executable,
      interpreter.real, interpreter.version, interpreter.platform};
  for (const auto& [name, version] : interpreter.packages) {
    parts.emplace_back(name);
    parts.emplace_back(version);
  }
  return digest_of(parts).substr(0, key_length);
}

std::vector<PutFile> overlay_files(const Interpreter& interpreter) {
  std::string constraints;
  std::string installed;
  for (const auto& [name, version] : interpreter.packages) {
    if (!is_name(name)) continue;
    installed += name + "\n";
    if (is_version(version)) constraints += fmt::format("{}=={}\n", name, version);
  }
  // awk takes the first file for the second when it is empty
  if (installed.empty()) installed = "\n";
  return {{.path = "constraints.txt", .bytes = constraints},
          {.path = "installed.txt", .bytes = installed},
          {.path = "carrel_kernel.py", .bytes = std::string(launcher)}};
}

KernelCommand existing_kernel(const Interpreter& interpreter,
                              const std::filesystem::path& overlay) {
  KernelCommand kernel;
  kernel.argv = {interpreter.executable, "-B"};
  if (overlay.empty()) {
    kernel.argv.insert(kernel.argv.end(), {"-m", "ipykernel_launcher"});
  } else {
    kernel.argv.push_back((overlay / "carrel_kernel.py").string());
  }
  kernel.argv.insert(kernel.argv.end(), {"-f", "{connection_file}"});
  const bool is_virtual = interpreter.prefix != interpreter.base_prefix;
  kernel.display_name =
      fmt::format("Python {} ({})", interpreter.version,
                  is_virtual ? interpreter.prefix.filename().string() : interpreter.executable);
  const auto bin = std::filesystem::path(interpreter.executable).parent_path();
  kernel.environment["PATH"] = fmt::format("{}:${{PATH}}", escaped(bin.string()));
  if (is_virtual) kernel.environment["VIRTUAL_ENV"] = escaped(interpreter.prefix.string());
  return kernel;
}

}  // namespace carrel
