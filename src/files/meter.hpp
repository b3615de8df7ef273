// How far a transfer has come, told as a line for each hundredth.
#pragma once

#include "base/progress.hpp"
#include "files/transfer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace carrel {

class Meter {
 public:
  Meter(const std::vector<Move>& moves, Progress& progress);
  OnBytes on_bytes();
  void batch_done(std::size_t files);

 private:
  void show();

  Progress& progress_;
  std::uint64_t bytes_ = 0;
  std::uint64_t moved_ = 0;
  std::size_t files_ = 0;
  std::size_t done_ = 0;
  std::optional<std::pair<std::uint64_t, std::size_t>> shown_;
};

}  // namespace carrel
