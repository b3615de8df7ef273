// Files of the source tree that the program carries: the pin of uv ("uv.txt"), and what goes into
// Jupyter's environment
// ("server/requirements.txt", "server/carrel_server/*.py"). cmake/embed.cmake writes the table when
// they change.
#pragma once

#include <span>
#include <string_view>

namespace carrel {

struct EmbeddedFile {
  std::string_view path;
  std::string_view bytes;
};

std::span<const EmbeddedFile> embedded_files();         // by path
std::string_view embedded_file(std::string_view path);  // "" when there is none

}  // namespace carrel
