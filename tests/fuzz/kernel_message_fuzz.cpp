// Any bytes are a message or an error in both framings, and what was a message stays the same
// through another round. The first byte chooses the framing, the rest is the frame. Seeds:
// corpus/kernel_message/.
#include "jupyter/message.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool same(const carrel::KernelMessage& a, const carrel::KernelMessage& b) {
  return a.channel == b.channel && a.header == b.header && a.parent_header == b.parent_header &&
         a.metadata == b.metadata && a.content == b.content && a.buffers == b.buffers;
}

void check_v1(std::string_view frame) {
  const auto decoded = carrel::decode_v1(frame);
  if (!decoded) return;
  const auto again = carrel::decode_v1(carrel::encode_v1(*decoded));
  require(again && same(*decoded, *again));
}

void check_legacy(std::string_view frame, bool binary) {
  const auto decoded = carrel::decode_legacy({.binary = binary, .bytes = std::string(frame)});
  if (!decoded) return;
  const auto again = carrel::decode_legacy(carrel::encode_legacy(*decoded));
  require(again && same(*decoded, *again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view frame(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      check_v1(frame);
      break;
    case 1:
      check_legacy(frame, false);
      break;
    default:
      check_legacy(frame, true);
  }
  return 0;
}
