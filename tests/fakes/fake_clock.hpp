// A clock that stands still until a test moves it.
#pragma once

#include "os/clock.hpp"

#include <chrono>

namespace carrel {

class FakeClock final : public Clock {
 public:
  WallTime wall() const override { return wall_; }
  Instant now() const override { return now_; }

  void advance(Milliseconds duration) {  // time passes
    wall_ += duration;
    now_ += duration;
  }
  void set_wall(WallTime wall) { wall_ = wall; }  // somebody sets the computer's clock
  void set_now(Instant now) { now_ = now; }

 private:
  WallTime wall_{std::chrono::seconds(1'795'519'000)};  // 2026-11-24T11:16:40Z
  Instant now_{std::chrono::hours(1)};
};

}  // namespace carrel
