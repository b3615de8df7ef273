// A pipeline across two channels: what a command on one writes is what a command on the other
// reads, as it comes, however much it is.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <functional>

namespace carrel {

struct Streamed {
  ProcessResult source;  // status 0 also when the sink wanted no more of it
  ProcessResult sink;
};

// `on_moved` hears of the bytes that have gone over, on the calling thread; the sink runs on
// another. The source's failure to run is told before the sink's, unless the sink ended first.
// Neither status is judged here.
Result<Streamed> stream(Channel& from, const Command& source, Channel& to, const Command& sink,
                        const std::function<void(std::size_t)>& on_moved, const Wait& wait);

}  // namespace carrel
