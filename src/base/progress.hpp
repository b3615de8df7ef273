// What is happening, told to whoever watches: a terminal, a log, a program reading NDJSON. The work
// calls it; it never asks anything and never fails. Called from one thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

class Progress {
 public:
  virtual ~Progress() = default;
  // A phase begins (it ends the one before). `name` is a stable word ("environment"), `title` is
  // for people ("making the environment"), `usual` is what it took on this machine before, if
  // known.
  virtual void begin(std::string_view name, std::string_view title,
                     std::optional<std::chrono::milliseconds> usual) = 0;
  // What the phase is doing now: one line, replaced by the next.
  virtual void detail(std::string_view text) = 0;
  virtual void end(std::string_view result) = 0;  // the phase is done; `result`: "numpy, matplotlib
                                                  // and 31 more", may be empty
  // Something the person should read that stays on the screen.
  virtual void note(std::string_view text) = 0;
};

class SilentProgress final : public Progress {
 public:
  void begin(std::string_view, std::string_view,
             std::optional<std::chrono::milliseconds>) override {}
  void detail(std::string_view) override {}
  void end(std::string_view) override {}
  void note(std::string_view) override {}
};

}  // namespace carrel
