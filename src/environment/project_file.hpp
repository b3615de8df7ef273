// What Carrel itself must know of a pyproject.toml.
#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>

namespace carrel {

struct ProjectFile {
  bool has_project = false;           // a [project] table
  bool has_dependencies = false;      // written there, not empty
  bool dynamic_dependencies = false;  // only the build back end knows them
  bool is_package = false;            // [project] and [build-system], or tool.uv.package = true
  bool local_sources = false;         // [tool.uv.sources] with a path or a workspace
  bool has_workspace = false;  // [tool.uv.workspace]: other projects of the folder belong to it
  std::string requires_python;
};

// Not TOML: an error with file, line and column.
Result<ProjectFile> read_project_file(std::string_view name, std::string_view content);

}  // namespace carrel
