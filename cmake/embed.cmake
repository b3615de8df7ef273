# cmake -DOUTPUT=embedded.cpp -DFILES="path=file;path=file" -P embed.cmake
# Writes the files' bytes as string literals behind carrel::embedded_files() (src/environment/embedded.hpp).
set(text "#include \"environment/embedded.hpp\"\n\n#include <array>\n\nnamespace carrel {\n\n")
set(rows "")
set(index 0)
foreach(pair IN LISTS FILES)
  string(REGEX MATCH "^([^=]*)=(.*)$" ignored "${pair}")
  set(path "${CMAKE_MATCH_1}")
  file(READ "${CMAKE_MATCH_2}" bytes HEX)
  string(LENGTH "${bytes}" length)
  math(EXPR length "${length} / 2")
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  # 64 bytes a line: neighbouring literals are one
  string(REPEAT "...." 64 chunk)
  string(REGEX REPLACE "(${chunk})" "\\1\"\n    \"" bytes "${bytes}")
  string(APPEND text "static const char file_${index}[] =\n    \"${bytes}\";\n\n")
  string(APPEND rows "    {\"${path}\", {file_${index}, ${length}}},\n")
  math(EXPR index "${index} + 1")
endforeach()
string(APPEND text "std::span<const EmbeddedFile> embedded_files() {\n"
  "  static const std::array<EmbeddedFile, ${index}> table = {{\n${rows}  }};\n  return table;\n}\n\n"
  "std::string_view embedded_file(std::string_view path) {\n"
  "  for (const auto& file : embedded_files()) {\n    if (file.path == path) return file.bytes;\n  }\n  return {};\n}\n\n"
  "}  // namespace carrel\n")
file(WRITE "${OUTPUT}" "${text}")
