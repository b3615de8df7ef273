// Puts lines together from pieces. '\n', '\r' and "\r\n" end a line; what progress bars leave
// between two '\r' is a line, too.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace carrel {

class LineSplitter {
 public:
  explicit LineSplitter(std::function<void(std::string_view)> on_line)
      : on_line_(std::move(on_line)) {}
  void add(std::string_view bytes);
  void finish();  // the rest, if any

 private:
  std::function<void(std::string_view)> on_line_;
  std::string partial_;
  bool after_return_ = false;
};

}  // namespace carrel
