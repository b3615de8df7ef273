// A token, password or hash: cannot be printed, logged or formatted by accident. `reveal` is the
// one way out; its callers write to 0600 files, to a request's header or to a terminal that asked
// for it, and nowhere else.
#pragma once

#include <string>
#include <utility>

namespace carrel {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

inline std::string to_string(const Secret& secret) {
  return secret.empty() ? "" : "***";
}

}  // namespace carrel
