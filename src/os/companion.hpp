// A program that runs beside this one and is talked to meanwhile, ended with the object. For a
// program that runs to its end while the caller waits: Processes (os/process.hpp). One thread.
#pragma once

#include "base/error.hpp"
#include "os/process.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace carrel {

class Companion {
 public:
  // Of `spec` argv, environment and folder count. Errors as with Processes::run.
  static Result<Companion> start(const ProcessSpec& spec);
  Companion(Companion&& other) noexcept;
  Companion& operator=(Companion&& other) noexcept;
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;
  ~Companion();  // its process group is killed

  // For poll(2): readable when there is something to read, or the end. Negative after the end.
  int descriptor(Stream stream) const;
  // What is there now; never waits. None: that stream has ended, or broke.
  std::optional<std::string> read_some(Stream stream);
  // False: it takes no more now, or has ended. All or, for texts beyond a pipe's room, a part.
  bool write(std::string_view text);
  pid_t pid() const;

 private:
  struct State;
  explicit Companion(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Starts a program that outlives this one: a session of its own, working folder /, standard input
// from /dev/null, output and error appended to `log` (0600). Its end is nobody's concern, so the
// caller should end soon itself: until then a program that ended early stays a zombie.
Result<pid_t> start_apart(const ProcessSpec& spec, const std::filesystem::path& log);

}  // namespace carrel
