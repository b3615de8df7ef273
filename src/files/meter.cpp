#include "files/meter.hpp"

#include "base/progress.hpp"
#include "base/text.hpp"
#include "files/transfer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {

std::string amount(std::size_t files, std::uint64_t bytes) {
  return fmt::format("{} file{}, {}", files, files == 1 ? "" : "s", size_text(bytes));
}

Meter::Meter(const std::vector<Move>& moves, Progress& progress)
    : progress_(progress), files_(moves.size()) {
  for (const auto& move : moves) bytes_ += move.size;
}

OnBytes Meter::on_bytes() {
  return [this](std::size_t count) {
    moved_ += count;
    show();
  };
}

void Meter::batch_done(std::size_t files) {
  done_ += files;
  show();
}

void Meter::show() {
  const auto moved = std::min(moved_, bytes_);  // tar adds its own
  const auto part = bytes_ == 0 ? 0 : moved * 100 / bytes_;
  if (shown_ && *shown_ == std::pair(part, done_)) return;
  shown_ = {part, done_};
  progress_.detail(
      fmt::format("{} of {}, {} of {} files", size_text(moved), size_text(bytes_), done_, files_));
}

}  // namespace carrel
