// One line at the bottom of the terminal that is drawn anew ten times a second by a thread of its
// own, so that a clock in it moves while the work is silent. Everything else that is written
// meanwhile goes through `above`.
//
// Thread-safe; `draw` is called under this object's lock and must not call back.
#pragma once

#include "os/terminal.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace carrel::cli {

class LiveLine {
 public:
  // `draw` makes the line, without a line end, no wider than the terminal; "" for none. `frame`
  // counts the drawings.
  LiveLine(Terminal& terminal, std::function<std::string(std::size_t frame)> draw);
  ~LiveLine();  // takes the line away
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  // Changes what `draw` reads, then draws.
  void update(const std::function<void()>& change);
  // Changes what `draw` reads and writes whole lines above; `change` may write some, too.
  void above(std::string_view lines, const std::function<void()>& change = {});

 private:
  void redraw();
  void erase();

  Terminal& terminal_;
  std::function<std::string(std::size_t)> draw_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::size_t frame_ = 0;
  bool shown_ = false;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace carrel::cli
