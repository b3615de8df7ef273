// WebSocket framing (RFC 6455 section 5) as a client sees it: pure, bytes in and events out.
// Private to os/.
//
// Not Beast's stream, because that cannot go on after a read that ended early, which is what an
// interrupted cell needs: here bytes are put in as they come, in pieces of any size, and nothing is
// lost between two of them. Every byte may be hostile: memory grows with what has arrived, never
// with what a frame announces. That a text is UTF-8 is left to whoever reads it.
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

// One final frame, masked by `mask` (4 random bytes; section 5.3).
std::string encode_frame(Opcode opcode, std::string_view payload, std::string_view mask);

// A whole message (text, binary; its fragments joined) or a control frame.
struct FrameEvent {
  Opcode opcode = Opcode::text;
  std::string bytes;
};

class FrameReader {
 public:
  explicit FrameReader(std::size_t message_limit) : limit_(message_limit) {}
  void put(std::string_view bytes) { buffer_.append(bytes); }
  // The next event, or none: more bytes are needed. Reason::corrupt when the other side breaks the
  // protocol or a message is over the limit; the reader is of no more use then.
  Result<std::optional<FrameEvent>> next();

 private:
  struct Head {
    bool final = false;
    Opcode opcode = Opcode::continuation;
    std::size_t size = 0;      // of the head itself
    std::uint64_t length = 0;  // of the payload
  };
  Result<std::optional<Head>> head() const;
  Result<> check(const Head& head) const;

  std::size_t limit_;
  std::string buffer_;
  std::size_t used_ = 0;  // bytes of buffer_ that are done with
  std::optional<FrameEvent> partial_;
};

}  // namespace carrel
