#include "environment/project_file.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "environment/failing.hpp"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace carrel {

Result<ProjectFile> read_project_file(std::string_view name, std::string_view content) {
  toml::table root;
  try {
    root = toml::parse(content);
  } catch (const toml::parse_error& error) {
    const auto& where = error.source().begin;
    return failed(fmt::format("{} is no TOML: line {}, column {}", name, where.line, where.column),
                  printable(error.description()), fmt::format("correct {} and run again", name));
  }
  ProjectFile found;
  if (const auto* project = root["project"].as_table()) {
    found.has_project = true;
    if (const auto* dependencies = (*project)["dependencies"].as_array()) {
      found.has_dependencies = !dependencies->empty();
    }
    if (const auto* dynamic = (*project)["dynamic"].as_array()) {
      for (const auto& entry : *dynamic) {
        if (entry.value_or(std::string_view()) == "dependencies") found.dynamic_dependencies = true;
      }
    }
    found.requires_python = (*project)["requires-python"].value_or(std::string());
  }
  const auto uv = root["tool"]["uv"];
  found.is_package = found.has_project && uv["package"].value_or(root["build-system"].is_table());
  found.has_workspace = uv["workspace"].is_table();
  if (const auto* sources = uv["sources"].as_table()) {
    const auto is_local = [](const toml::node& source) {
      const auto* table = source.as_table();
      return table != nullptr && (table->contains("path") || table->contains("workspace"));
    };
    for (const auto& [package, source] : *sources) {
      if (is_local(source)) found.local_sources = true;
      if (const auto* several = source.as_array()) {
        for (const auto& one : *several) found.local_sources = found.local_sources || is_local(one);
      }
    }
  }
  return found;
}

}  // namespace carrel
