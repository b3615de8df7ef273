// What both sides had after the last exchange: the base against which changes are seen. Kept as
// text of fields that end with a zero byte, since paths may hold anything else. Pure.
#pragma once

#include "base/error.hpp"
#include "os/listing.hpp"

#include <string>
#include <string_view>

namespace carrel {

struct LastExchange {
  std::string machine;    // the base holds for this one alone
  bool complete = false;  // the folder has once been sent to its end
  FileList files;
};

std::string record_text(const LastExchange& manifest);
// Reason::corrupt when it is not whole.
Result<LastExchange> parse_record(std::string_view text);

// What find(1) says with `-printf '%y %s %T@\0%P\0%l\0'`: kind, bytes, seconds; path; target. Paths
// that lead outside and kinds that are not exchanged are left out; the folder itself has the path
// "".
Result<FileList> read_find(std::string_view text);

}  // namespace carrel
