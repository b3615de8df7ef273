#include "environment/presets.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace carrel {

std::span<const Preset> presets() {
  static const std::vector<Preset> table = {
      {"minimal", "numpy\nmatplotlib\nscikit-learn\n", "", {}},
      {"pytorch", "torch\ntorchvision\nnumpy\nmatplotlib\nscikit-learn\n", "", {}},
      {"tensorflow",
       // tensorflow-cpu, a third smaller, exists for x86_64 only
       "tensorflow-cpu; platform_machine == 'x86_64'\ntensorflow; platform_machine != 'x86_64'\n"
       "numpy\nmatplotlib\nscikit-learn\n",
       "tensorflow[and-cuda]\nnumpy\nmatplotlib\nscikit-learn\n",
       {}},
      {"jax",
       "jax\nkeras\nnumpy\nmatplotlib\nscikit-learn\n",
       "jax[cuda12]\nkeras\nnumpy\nmatplotlib\nscikit-learn\n",
       {{"KERAS_BACKEND", "jax"}}},
  };
  return table;
}

const Preset* find_preset(std::string_view name) {
  const auto all = presets();
  const auto found =
      std::ranges::find_if(all, [&](const Preset& preset) { return preset.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace carrel
