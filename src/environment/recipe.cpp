#include "environment/recipe.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "environment/digest.hpp"
#include "environment/environment.hpp"
#include "environment/manifest.hpp"
#include "environment/presets.hpp"
#include "environment/project_file.hpp"
#include "environment/requirements_text.hpp"
#include "environment/running.hpp"
#include "environment/scripts.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// Raise it when the scripts make something else from the same recipe.
constexpr std::string_view template_format = "1";
constexpr std::size_t key_length = 32;
constexpr std::size_t copy_name_length = 12;

bool is_folder_bound(const EnvironmentSpec& spec) {
  const auto recipe = recipe_for(spec, false);
  return recipe && recipe->local != LocalPart::none;
}

std::string project_of(const std::string& file) {
  return (std::filesystem::path(file).parent_path() / "pyproject.toml").string();
}

void add_files(std::vector<std::string_view>& parts,
               const std::map<std::string, std::string>& files) {
  for (const auto& [name, content] : files) {
    parts.emplace_back(name);
    parts.emplace_back(content);
  }
}

std::string listed(std::string_view requirements) {
  std::vector<std::string> names;
  for (const auto& line : lines_of(requirements)) {
    auto name = line.substr(0, line.find_first_of(" ;=<>"));
    if (!name.empty() && !std::ranges::count(names, name)) names.push_back(std::move(name));
  }
  return join(names, ", ");
}

}  // namespace

Result<BuildRecipe> recipe_for(const EnvironmentSpec& spec, bool nvidia) {
  BuildRecipe recipe;
  recipe.file = spec.name;
  recipe.files = spec.files;
  switch (spec.kind) {
    case EnvironmentKind::preset: {
      const auto with_nvidia = spec.files.find("requirements-nvidia.txt");
      recipe.file = "requirements.txt";
      if (nvidia && with_nvidia != spec.files.end())
        recipe.files[recipe.file] = with_nvidia->second;
      recipe.files.erase("requirements-nvidia.txt");
      return recipe;
    }
    case EnvironmentKind::requirements:
      for (auto& [name, content] : recipe.files) {
        if (name == "uv.toml") continue;
        if (!local_requirements(content).empty()) recipe.local = LocalPart::requirements;
        content = without_local_requirements(content);
      }
      return recipe;
    case EnvironmentKind::project:
    case EnvironmentKind::uv_lock: {
      const auto name = project_of(spec.name);
      const auto found = spec.files.find(name);
      const auto project =
          TRY(read_project_file(name, found == spec.files.end() ? "" : found->second));
      const bool is_lock = spec.kind == EnvironmentKind::uv_lock;
      const bool only_there = project.has_workspace ||
                              (!is_lock && (project.local_sources || project.dynamic_dependencies));
      if (is_lock && !only_there) recipe.recipe = Recipe::uv_lock;
      if (only_there) {
        recipe.file.clear();
        recipe.files.clear();
      }
      if (is_lock && (only_there || project.is_package || project.local_sources)) {
        recipe.local = LocalPart::lock;
      } else if (!is_lock && project.is_package) {
        recipe.local = LocalPart::package;
      } else if (!is_lock && only_there) {
        recipe.local = LocalPart::project_dependencies;
      }
      return recipe;
    }
    case EnvironmentKind::environment_yml:
    case EnvironmentKind::interpreter:
      return recipe;
  }
  return recipe;
}

std::string spec_digest(const EnvironmentSpec& spec) {
  const auto kind = std::to_string(static_cast<int>(spec.kind));
  const auto folder = is_folder_bound(spec) ? spec.folder.string() : std::string();
  std::vector<std::string_view> parts = {template_format, uv_version(), kind,
                                         spec.name,       spec.python,  folder};
  add_files(parts, spec.files);
  return digest_of(parts);
}

std::string template_key(const BuildRecipe& recipe, const Interpreter& interpreter) {
  const std::string_view kind = recipe.recipe == Recipe::uv_lock ? "lock" : "files";
  std::vector<std::string_view> parts = {template_format,     uv_version(),     kind,
                                         recipe.file,         interpreter.real, interpreter.version,
                                         interpreter.platform};
  add_files(parts, recipe.files);
  return digest_of(parts).substr(0, key_length);
}

std::string copy_name(const EnvironmentSpec& spec, const std::string& key) {
  return digest_of({spec_digest(spec), key}).substr(0, copy_name_length);
}

std::string summary_of(const EnvironmentSpec& spec, std::size_t packages,
                       const std::string& python) {
  if (spec.kind == EnvironmentKind::preset) {
    return fmt::format("{}: {}; Python {}", spec.name, listed(find_preset(spec.name)->requirements),
                       python);
  }
  return fmt::format("{}: {} packages; Python {}", spec.name, packages, python);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char character : text)
    out += character == '$' ? std::string("$$") : std::string(1, character);
  return out;
}

KernelCommand kernel_of(const EnvironmentSpec& spec, const EnvironmentPaths& paths,
                        const std::filesystem::path& prefix, const std::string& python) {
  const auto bin = prefix / "bin";
  const auto uv_folder = uv_program(paths).parent_path();
  KernelCommand kernel;
  kernel.argv = {(bin / "python").string(), "-m", "ipykernel_launcher", "-f", "{connection_file}"};
  kernel.display_name = fmt::format("Python {} ({})", python, spec.name);
  kernel.environment = {
      {"PATH", fmt::format("{}:{}:${{PATH}}", escaped(bin.string()), escaped(uv_folder.string()))},
      {"VIRTUAL_ENV", escaped(prefix.string())},
      {"UV_PROJECT_ENVIRONMENT", escaped(prefix.string())},
      {"UV_CACHE_DIR", escaped(uv_cache(paths).string())},
      {"UV_LINK_MODE", "copy"},
      {"UV_PYTHON_DOWNLOADS", "never"}};
  if (const auto* preset = find_preset(spec.name);
      preset != nullptr && spec.kind == EnvironmentKind::preset) {
    for (const auto& [name, value] : preset->environment) {
      kernel.environment[std::string(name)] = std::string(value);
    }
  }
  return kernel;
}

}  // namespace carrel
