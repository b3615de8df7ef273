// Time as a value. Wall time is for people and records; monotonic time is for deadlines and
// windows.
#pragma once

#include <chrono>
#include <string>

namespace carrel {

using WallTime = std::chrono::system_clock::time_point;
using Instant = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime wall() const override { return std::chrono::system_clock::now(); }
  Instant now() const override { return std::chrono::steady_clock::now(); }
};

std::string iso8601(WallTime time);  // 2026-11-24T11:16:01Z, UTC, whole seconds

}  // namespace carrel
