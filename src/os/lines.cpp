#include "os/lines.hpp"

#include <cstddef>
#include <string_view>

namespace carrel {
namespace {

constexpr std::size_t longest_line = 64UL << 10U;

}  // namespace

void LineSplitter::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    partial_ += piece;
    if (!piece.empty()) after_return_ = false;
    if (end == std::string_view::npos) {
      if (partial_.size() > longest_line) finish();
      return;
    }
    const bool is_return = bytes[end] == '\r';
    // an empty line counts when '\n' ends it, but not the '\n' of "\r\n"
    if (!partial_.empty() || (!is_return && !after_return_)) on_line_(partial_);
    partial_.clear();
    after_return_ = is_return;
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::finish() {
  if (!partial_.empty() && on_line_) on_line_(partial_);
  partial_.clear();
}

}  // namespace carrel
