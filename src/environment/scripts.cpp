#include "environment/scripts.hpp"

#include "base/text.hpp"
#include "environment/shell_text.hpp"

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace carrel {
namespace {

using Value = std::pair<std::string_view, std::string>;

std::string script(std::initializer_list<Value> values, std::string_view body) {
  std::string text(shell_text::prelude);
  for (const auto& [name, value] : values) {
    if (name == "UV_CACHE_DIR") text += "export ";
    text += name;
    text += '=';
    text += value.empty() ? "''" : shell_quoted(value);
    text += '\n';
  }
  text += body;
  return text;
}

std::string_view recipe_name(Recipe recipe) {
  return recipe == Recipe::uv_lock ? "lock" : "files";
}

std::string_view local_name(LocalPart local) {
  switch (local) {
    case LocalPart::none:
      return "none";
    case LocalPart::requirements:
      return "requirements";
    case LocalPart::package:
      return "package";
    case LocalPart::project_dependencies:
      return "dependencies";
    case LocalPart::lock:
      return "lock";
  }
  return "none";
}

}  // namespace

std::string uv_script(const UvInstall& install) {
  return script({{"DATA", install.data}, {"VERSION", install.version}, {"SOURCE", install.source}},
                shell_text::uv);
}

std::string find_python_script(const PythonSearch& search) {
  return script({{"UV", search.uv},
                 {"UV_CACHE_DIR", search.uv_cache},
                 {"REQUEST", search.request},
                 {"PROBE", std::string(interpreter_probe())}},
                shell_text::find_python);
}

std::string probe_script(const std::string& name, const std::filesystem::path& folder) {
  return script({{"NAME", name}, {"FOLDER", folder}, {"PROBE", std::string(interpreter_probe())}},
                shell_text::probe);
}

std::string template_script(const TemplateBuild& build) {
  return script({{"UV", build.uv},
                 {"UV_CACHE_DIR", build.uv_cache},
                 {"TEMPLATES", build.templates},
                 {"KEY", build.key},
                 {"PYTHON", build.python},
                 {"SOURCE", build.source},
                 {"FILE", build.file},
                 {"RECIPE", std::string(recipe_name(build.recipe))},
                 {"TITLE", build.title}},
                shell_text::make_template);
}

std::string copy_script(const EnvironmentCopy& copy) {
  return script({{"UV", copy.uv},
                 {"UV_CACHE_DIR", copy.uv_cache},
                 {"TEMPLATES", copy.templates},
                 {"KEY", copy.key},
                 {"HOME_FOLDER", copy.home},
                 {"NAME", copy.name},
                 {"LOCAL", std::string(local_name(copy.local))},
                 {"FOLDER", copy.folder},
                 {"FILE", copy.file}},
                shell_text::copy);
}

std::string conda_script(const CondaBuild& build) {
  return script({{"HOME_FOLDER", build.home}, {"NAME", build.name}, {"FILE", build.file}},
                shell_text::conda);
}

std::string jupyter_script(const JupyterBuild& build) {
  return script({{"UV", build.uv},
                 {"UV_CACHE_DIR", build.uv_cache},
                 {"JUPYTER", build.jupyter},
                 {"KEY", build.key},
                 {"PYTHON", build.python},
                 {"SOURCE", build.source},
                 {"PROBE", std::string(interpreter_probe())}},
                shell_text::jupyter);
}

std::string overlay_script(const OverlayBuild& build) {
  return script({{"UV", build.uv},
                 {"UV_CACHE_DIR", build.uv_cache},
                 {"OVERLAYS", build.overlays},
                 {"KEY", build.key},
                 {"PYTHON", build.python},
                 {"SOURCE", build.source}},
                shell_text::overlay);
}

std::string packages_script(const std::filesystem::path& prefix) {
  return script({{"PREFIX", prefix}}, shell_text::packages);
}

std::string cache_script(const std::filesystem::path& cache, const std::filesystem::path& data) {
  return script({{"CACHE", cache}, {"DATA", data}}, shell_text::cache);
}

std::string prune_script(const std::filesystem::path& path) {
  return script({{"TARGET", path}}, shell_text::prune);
}

std::string_view interpreter_probe() {
  return shell_text::interpreter_probe;
}

}  // namespace carrel
