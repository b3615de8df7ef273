// A pipe inside this program: one thread writes into it, a child started by another reads from it.
// Each end is one thread's.
#pragma once

#include "base/error.hpp"

#include <string_view>

namespace carrel {

class Passage {
 public:
  static Result<Passage> make();
  Passage(Passage&& other) noexcept;
  Passage& operator=(Passage&&) = delete;
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;
  ~Passage();

  // Waits while it is full. False: nobody will read it any more.
  bool write(std::string_view bytes);
  void end();  // of what is written
  int exit() const { return exit_; }
  void close_exit();

 private:
  Passage(int entry, int exit) : entry_(entry), exit_(exit) {}
  int entry_;
  int exit_;
};

}  // namespace carrel
