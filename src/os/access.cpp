#include "os/file.hpp"

#include <filesystem>
#include <unistd.h>

namespace carrel {

bool can_write(const std::filesystem::path& folder) {
  return access(folder.c_str(), W_OK | X_OK) == 0;
}

}  // namespace carrel
