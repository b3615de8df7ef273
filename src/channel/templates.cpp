#include "channel/templates.hpp"

#include "os/process.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace carrel {

Environment substituted(const Environment& templates, const Environment& base) {
  const auto is_name = [](char character) {
    return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
           (character >= '0' && character <= '9') || character == '_';
  };
  Environment plain;
  for (const auto& [name, value] : templates) {
    std::string text;
    for (std::size_t at = 0; at < value.size(); ++at) {
      const auto rest = std::string_view(value).substr(at);
      if (rest.starts_with("$$")) {
        text += '$';
        ++at;
        continue;
      }
      const auto close = rest.starts_with("${") ? rest.find('}') : std::string_view::npos;
      if (close == std::string_view::npos ||
          !std::ranges::all_of(rest.substr(2, close - 2), is_name)) {
        text += value[at];
        continue;
      }
      const auto found = base.find(std::string(rest.substr(2, close - 2)));
      // as jupyter_client: an unknown name stays as it is written
      text += found == base.end() ? std::string(rest.substr(0, close + 1)) : found->second;
      at += close;
    }
    plain[name] = text;
  }
  return plain;
}

}  // namespace carrel
