// The environments that need no file: one table. A preset is a requirements text; `with_nvidia`
// replaces it where the machine has an NVIDIA driver and the framework's default packages would not
// use it.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

struct Preset {
  std::string_view name;
  std::string_view requirements;                                           // a line a package
  std::string_view with_nvidia;                                            // "": the same
  std::vector<std::pair<std::string_view, std::string_view>> environment;  // for its kernels
};

std::span<const Preset> presets();
const Preset* find_preset(std::string_view name);  // none: nullptr

}  // namespace carrel
