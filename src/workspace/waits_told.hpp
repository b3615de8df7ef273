// While it lives, long waits in the calls of every provider are notes of `progress`.
#pragma once

#include "base/progress.hpp"
#include "workspace/provider.hpp"

#include <string_view>

namespace carrel {

class WaitsTold {
 public:
  WaitsTold(const Providers& providers, Progress& progress) : providers_(providers) {
    for (const auto& [name, provider] : providers_) {
      provider->tell_waits([&progress](std::string_view text) { progress.note(text); });
    }
  }
  ~WaitsTold() {
    for (const auto& [name, provider] : providers_) provider->tell_waits({});
  }
  WaitsTold(const WaitsTold&) = delete;
  WaitsTold& operator=(const WaitsTold&) = delete;
  WaitsTold(WaitsTold&&) = delete;
  WaitsTold& operator=(WaitsTold&&) = delete;

 private:
  const Providers& providers_;
};

}  // namespace carrel
