#include "os/file.hpp"

#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace carrel {

bool is_folder(const std::string& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

bool can_write(const std::filesystem::path& folder) {
  return access(folder.c_str(), W_OK | X_OK) == 0;
}

}  // namespace carrel
