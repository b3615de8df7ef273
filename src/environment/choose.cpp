#include "base/error.hpp"
#include "base/text.hpp"
#include "environment/environment.hpp"
#include "environment/failing.hpp"
#include "environment/presets.hpp"
#include "environment/project_file.hpp"
#include "environment/python_version.hpp"
#include "environment/requirements_text.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

const std::string* content_of(const FolderFiles& files, const std::string& name) {
  const auto found = files.contents.find(name);
  return found == files.contents.end() ? nullptr : &found->second;
}

bool is_requirements_name(std::string_view name) {
  return name.ends_with(".txt") || name.ends_with(".in");
}

// Sets spec.python and spec.python_from from .python-version and the project's requires-python.
Result<> choose_python(EnvironmentSpec& spec, const FolderFiles& files,
                       const std::string& project_name) {
  std::optional<PythonWish> version;
  std::optional<PythonWish> required;
  if (const auto* content = content_of(files, ".python-version")) {
    version = PythonWish{TRY(version_of_file(".python-version", *content)), ".python-version"};
  }
  if (const auto* content = content_of(files, project_name)) {
    const auto project = TRY(read_project_file(project_name, *content));
    required = PythonWish{project.requires_python, "requires-python in " + project_name};
  }
  auto wish = TRY(combine(version, required));
  spec.python = std::move(wish.constraint);
  spec.python_from = std::move(wish.from);
  return {};
}

Result<> add_requirements(EnvironmentSpec& spec, const FolderFiles& files,
                          const std::string& name) {
  const auto& text = *content_of(files, name);
  spec.files[name] = text;
  for (const auto& reference : references_of(text)) {
    const auto path = resolved_reference(name, reference.path);
    if (path.empty() || content_of(files, path) == nullptr) {
      return failed(fmt::format("{}, line {}: {} is not in {}", name, reference.line,
                                printable(reference.path), files.folder.string()),
                    path.empty() ? "only files inside the folder are read" : "",
                    fmt::format("add the file, or take the line out of {}", name), Exit::failed,
                    Reason::not_found);
    }
    if (!spec.files.contains(path)) TRY(add_requirements(spec, files, path));
  }
  return {};
}

Result<EnvironmentSpec> from_file(EnvironmentKind kind, const std::string& name,
                                  const FolderFiles& files) {
  EnvironmentSpec spec;
  spec.kind = kind;
  spec.name = name;
  spec.folder = files.folder;
  spec.reason = name + " in this folder";
  const auto parent = std::filesystem::path(name).parent_path();
  const auto project_name = (parent / "pyproject.toml").string();
  if (kind == EnvironmentKind::requirements) {
    TRY(add_requirements(spec, files, name));
  } else {
    spec.files[name] = *content_of(files, name);
  }
  if (kind == EnvironmentKind::uv_lock) {
    const auto* project = content_of(files, project_name);
    if (project == nullptr) {
      return failed(fmt::format("{} has no {} beside it", name, project_name), "",
                    "uv writes both: add pyproject.toml, or remove uv.lock", Exit::usage);
    }
    spec.files[project_name] = *project;
  }
  if (const auto* configuration = content_of(files, "uv.toml")) {
    spec.files["uv.toml"] = *configuration;
  }
  // conda reads neither
  if (kind != EnvironmentKind::environment_yml) TRY(choose_python(spec, files, project_name));
  return spec;
}

Result<EnvironmentSpec> from_preset(const Preset& preset, const FolderFiles& files,
                                    std::string reason) {
  EnvironmentSpec spec;
  spec.kind = EnvironmentKind::preset;
  spec.name = std::string(preset.name);
  spec.folder = files.folder;
  spec.reason = std::move(reason);
  spec.files["requirements.txt"] = std::string(preset.requirements);
  if (!preset.with_nvidia.empty()) {
    spec.files["requirements-nvidia.txt"] = std::string(preset.with_nvidia);
  }
  TRY(choose_python(spec, files, "pyproject.toml"));
  return spec;
}

std::optional<EnvironmentKind> kind_of_name(const std::string& name) {
  const auto file = std::filesystem::path(name).filename().string();
  if (file == "uv.lock") return EnvironmentKind::uv_lock;
  if (file == "pyproject.toml") return EnvironmentKind::project;
  if (file == "environment.yml" || file == "environment.yaml")
    return EnvironmentKind::environment_yml;
  if (is_requirements_name(file)) return EnvironmentKind::requirements;
  return {};
}

Result<EnvironmentSpec> from_request(const std::string& requested, const FolderFiles& files) {
  if (requested.empty() || requested.find('\0') != std::string::npos) {
    return usage_error("the environment is empty",
                       "write minimal, pytorch, tensorflow, jax or a path");
  }
  if (const auto* preset = find_preset(requested)) {
    return from_preset(*preset, files, fmt::format("environment = {}", requested));
  }
  if (const auto kind = kind_of_name(requested)) {
    const auto path = resolved_reference("", requested);
    if (path.empty() || content_of(files, path) == nullptr) {
      return failed(
          fmt::format("there is no {} in {}", printable(requested), files.folder.string()), "",
          "correct `environment`, or add the file", Exit::usage, Reason::not_found);
    }
    return from_file(*kind, path, files);
  }
  const bool is_path = requested.find('/') != std::string::npos || requested.starts_with('.');
  if (!is_path) {
    std::vector<std::string> names;
    for (const auto& preset : presets()) names.emplace_back(preset.name);
    if (const auto near = nearest(requested, names)) {
      return usage_error(fmt::format("there is no environment '{}'", printable(requested)),
                         fmt::format("did you mean '{}'? For a folder of that name write ./{}",
                                     *near, printable(requested)));
    }
  }
  EnvironmentSpec spec;
  spec.kind = EnvironmentKind::interpreter;
  spec.folder = files.folder;
  // A bare name is looked up in the folder, then on PATH, when it is probed.
  spec.name = is_path ? (files.folder / requested).lexically_normal().string() : requested;
  spec.reason = fmt::format("environment = {}", requested);
  return spec;
}

}  // namespace

Result<EnvironmentSpec> choose_environment(const std::optional<std::string>& requested,
                                           const FolderFiles& files) {
  if (requested) return from_request(*requested, files);
  if (content_of(files, "uv.lock") != nullptr) {
    return from_file(EnvironmentKind::uv_lock, "uv.lock", files);
  }
  for (const char* name : {"environment.yml", "environment.yaml"}) {
    if (content_of(files, name) != nullptr)
      return from_file(EnvironmentKind::environment_yml, name, files);
  }
  if (content_of(files, "requirements.txt") != nullptr) {
    return from_file(EnvironmentKind::requirements, "requirements.txt", files);
  }
  if (const auto* content = content_of(files, "pyproject.toml")) {
    const auto project = TRY(read_project_file("pyproject.toml", *content));
    if (project.has_dependencies || project.dynamic_dependencies || project.is_package) {
      return from_file(EnvironmentKind::project, "pyproject.toml", files);
    }
  }
  auto spec =
      TRY(from_preset(*find_preset("minimal"), files, "nothing found in this folder: minimal"));
  spec.by_default = true;
  return spec;
}

}  // namespace carrel
