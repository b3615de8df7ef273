// What the files of os/process share; the first two are Linux's, in process_linux.cpp.
#pragma once

#include "base/error.hpp"
#include "os/detail.hpp"
#include "os/process.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace carrel {

struct ProcessStat {
  char state = '?';
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;
};
// /proc/PID/stat, proc(5). None: not of that form.
std::optional<ProcessStat> parse_stat(std::string_view text);
// Readable when the process has ended; -1 and errno.
int open_pidfd(pid_t pid);

// A child that has been started; whoever has it must reap it.
struct Child {
  pid_t pid = 0;
  Descriptor input;  // our ends; none with `terminal`, no `input` when there is nothing to say
  Descriptor output;
  Descriptor error;
};
Result<Child> spawn(const ProcessSpec& spec);

}  // namespace carrel
