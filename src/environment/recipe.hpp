// How a spec is built: what goes into the template that workspaces share, and what only means
// something in the person's folder and is installed into each copy. Pure.
#pragma once

#include "base/error.hpp"
#include "environment/environment.hpp"
#include "environment/manifest.hpp"
#include "environment/scripts.hpp"

#include <map>
#include <string>

namespace carrel {

struct BuildRecipe {
  Recipe recipe = Recipe::files;
  std::map<std::string, std::string> files;  // the template's, lines with local paths made comments
  std::string file;                          // which of them uv reads; "": only ipykernel and pip
  LocalPart local = LocalPart::none;
};

// `nvidia`: the machine has its driver (presets only).
Result<BuildRecipe> recipe_for(const EnvironmentSpec& spec, bool nvidia);

// Digest of all that a person could change: equal means that an existing copy is kept.
std::string spec_digest(const EnvironmentSpec& spec);
std::string template_key(const BuildRecipe& recipe, const Interpreter& interpreter);
std::string copy_name(const EnvironmentSpec& spec, const std::string& key);

// "minimal: numpy, matplotlib, scikit-learn; Python 3.11.2"
std::string summary_of(const EnvironmentSpec& spec, std::size_t packages,
                       const std::string& python);

// For a copy at `prefix`. `uv_folder`: where uv lies.
KernelCommand kernel_of(const EnvironmentSpec& spec, const EnvironmentPaths& paths,
                        const std::filesystem::path& prefix, const std::string& python);

// `text` as jupyter_client's templates read it back: $ doubled.
std::string escaped(std::string_view text);

}  // namespace carrel
