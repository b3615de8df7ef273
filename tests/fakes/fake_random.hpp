// Bytes that look random and are the same in every run: those of a seed.
#pragma once

#include "os/random.hpp"

#include <cstddef>
#include <random>
#include <string>

namespace carrel {

class FakeRandom final : public Random {
 public:
  explicit FakeRandom(unsigned seed = 1) : engine_(seed) {}
  std::string bytes(std::size_t count) override {
    ++calls_;
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(engine_() & 0xFFU);
    return bytes;
  }
  int calls() const { return calls_; }

 private:
  std::mt19937 engine_;
  int calls_ = 0;
};

}  // namespace carrel
