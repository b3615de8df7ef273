#include "cli/browser.hpp"

#include "base/text.hpp"
#include "os/process.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

std::string variable(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

// One entry of BROWSER: words apart by spaces, %s where the target goes (else it comes last), %%
// for %.
std::vector<std::string> filled(std::string_view entry, const std::string& target) {
  std::vector<std::string> argv;
  bool used = false;
  for (const auto& word : split(entry, ' ')) {
    if (word.empty()) continue;
    std::string text;
    for (std::size_t i = 0; i < word.size(); ++i) {
      const bool sign = word[i] == '%' && i + 1 < word.size();
      if (sign && word[i + 1] == 's') {
        text += target;
        used = true;
        ++i;
      } else if (sign && word[i + 1] == '%') {
        text += word[i++];
      } else {
        text += word[i];
      }
    }
    argv.push_back(std::move(text));
  }
  if (!argv.empty() && !used) argv.push_back(target);
  return argv;
}

}  // namespace

Browser find_browser(const Environment& environment, const std::string& target) {
  if (!variable(environment, "SSH_CONNECTION").empty() ||
      !variable(environment, "SSH_TTY").empty()) {
    return {.argv = {}, .why_not = "you are here over SSH: open this on your own computer"};
  }
  for (const auto& entry : split(variable(environment, "BROWSER"), ':')) {
    auto argv = filled(entry, target);
    if (!argv.empty() && find_program(argv.front(), environment)) {
      return {.argv = std::move(argv), .why_not = {}};
    }
  }
#ifdef __APPLE__
  const bool display = true;
  const std::vector<std::string> openers{"open"};
#else
  const bool display = !variable(environment, "DISPLAY").empty() ||
                       !variable(environment, "WAYLAND_DISPLAY").empty();
  const std::vector<std::string> openers{"xdg-open"};
#endif
  if (!display) return {.argv = {}, .why_not = "there is no display here"};
  for (const auto& opener : openers) {
    if (find_program(opener, environment)) return {.argv = {opener, target}, .why_not = {}};
  }
  return {.argv = {}, .why_not = "no browser was found; BROWSER can name one"};
}

}  // namespace carrel::cli
