#include "cli/live_line.hpp"

#include "os/terminal.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace carrel::cli {
namespace {

constexpr std::string_view erase_line = "\r\x1b[2K";
constexpr std::chrono::milliseconds frame_time{100};

}  // namespace

LiveLine::LiveLine(Terminal& terminal, std::function<std::string(std::size_t)> draw)
    : terminal_(terminal), draw_(std::move(draw)), thread_([this](const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (!stop.stop_requested()) {
          changed_.wait_for(lock, stop, frame_time, [] { return false; });
          if (stop.stop_requested()) break;
          ++frame_;
          redraw();
        }
      }) {}

LiveLine::~LiveLine() {
  thread_.request_stop();
  thread_.join();
  const std::scoped_lock lock(mutex_);
  erase();
}

void LiveLine::update(const std::function<void()>& change) {
  const std::scoped_lock lock(mutex_);
  change();
  redraw();
}

void LiveLine::above(std::string_view lines, const std::function<void()>& change) {
  const std::scoped_lock lock(mutex_);
  erase();
  if (change) change();
  terminal_.err(lines);
  redraw();
}

void LiveLine::redraw() {
  const auto line = draw_(frame_);
  if (line.empty()) {
    erase();
    return;
  }
  terminal_.err(std::string(erase_line) + line);
  shown_ = true;
}

void LiveLine::erase() {
  if (shown_) terminal_.err(erase_line);
  shown_ = false;
}

}  // namespace carrel::cli
