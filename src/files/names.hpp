// Which paths of a folder may go over to another computer at all. Pure.
#pragma once

#include "os/listing.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

// Folders on both sides that hold what is on its way (they begin so); removed when it has come.
inline constexpr std::string_view incoming = ".carrel-incoming-";

// Relative, and leads nowhere else: the other side's words are not to be trusted.
bool is_inside(std::string_view path);
// `.git`, what Jupyter and Python make again, what is on its way, and copies that `pull` has made
// of both sides.
bool is_never_exchanged(std::string_view path);
// The same for a single name, as patterns of find(1).
std::string never_exchanged_for_find();

// Where the machine's version of `path` is put beside the one that is `here`: plot.py is
// plot.from-machine.py, or plot.from-machine-2.py where that is taken; a file or link in the place
// of one of its folders leaves that one, and the folder gets the other name.
std::string name_beside(const std::function<std::optional<FileKind>(const std::string&)>& here,
                        const std::string& path);

}  // namespace carrel
