#include "channel/stream.hpp"

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "os/passage.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>

namespace carrel {

Result<Streamed> stream(Channel& from, const Command& source, Channel& to, const Command& sink,
                        const std::function<void(std::size_t)>& on_moved, const Wait& wait) {
  auto passage = TRY(Passage::make());
  Command reading = sink;
  reading.input_from = passage.exit();
  Result<ProcessResult> read;
  std::jthread reader([&] {
    read = to.run(reading, wait);
    passage.close_exit();
  });
  Command writing = source;
  bool refused = false;
  writing.on_bytes = [&](std::string_view bytes) {
    refused = !passage.write(bytes);
    if (!refused && on_moved) on_moved(bytes.size());
    return !refused;
  };
  auto written = from.run(writing, wait);
  passage.end();
  reader.join();
  if (refused && !read) return fail(std::move(read).error());
  if (refused) return Streamed{.source = {}, .sink = std::move(*read)};
  return Streamed{.source = TRY(std::move(written)), .sink = TRY(std::move(read))};
}

}  // namespace carrel
