// How much a transfer moves, and how far it has come: a line for each hundredth.
#pragma once

#include "base/progress.hpp"
#include "files/transfer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carrel {

// "1 file, 854 B"
std::string amount(std::size_t files, std::uint64_t bytes);

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
