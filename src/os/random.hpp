// Random bytes from the kernel (getrandom), behind an interface so that tests are repeatable.
#pragma once

#include <cstddef>
#include <string>

namespace carrel {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::string bytes(std::size_t count) = 0;
};

class SystemRandom final : public Random {
 public:
  std::string bytes(std::size_t count) override;
};

}  // namespace carrel
