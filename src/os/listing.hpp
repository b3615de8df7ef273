// What is in a folder, as one looks at it before files are exchanged with another computer.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace carrel {

enum class FileKind { file, link, folder };

struct FileEntry {
  FileKind kind = FileKind::file;
  std::uint64_t size = 0;   // of a file, bytes
  std::int64_t mtime = 0;   // of a file, nanoseconds since 1970
  std::string target = {};  // of a link
  std::string digest = {};  // of a file: SHA-256 in hexadecimal; "" where nobody has asked
  bool operator==(const FileEntry&) const = default;
};

// By path relative to the folder, '/' between names; any bytes but zero.
using FileList = std::map<std::string, FileEntry>;

// One path, never through a link at its end; none: not there, or none of the three kinds.
std::optional<FileEntry> look_at(const std::filesystem::path& path);
// All below the folder, never through links. `skip`, asked with each path, leaves out that one and
// what is below it. What cannot be read is an error.
Result<FileList> list_tree(const std::filesystem::path& folder,
                           const std::function<bool(const std::string&)>& skip);

}  // namespace carrel
