#include "os/websocket_frame.hpp"

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace carrel {
namespace {

constexpr std::size_t control_limit = 125;

std::unexpected<Error> forbidden(std::string why) {
  return fail({.what = "the server broke the WebSocket protocol",
               .why = std::move(why),
               .hint = {},
               .exit = Exit::failed,
               .reason = Reason::corrupt,
               .trace = {}});
}

void append_big_endian(std::string& text, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>((value >> static_cast<unsigned>(shift)) & 0xFFU));
  }
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = (value << 8U) | static_cast<unsigned char>(c);
  return value;
}

bool is_control(Opcode opcode) {
  return opcode >= Opcode::close;
}

}  // namespace

std::string encode_frame(Opcode opcode, std::string_view payload, std::string_view mask) {
  constexpr unsigned masked = 0x80;
  std::string frame;
  frame.reserve(payload.size() + 14);
  frame.push_back(static_cast<char>(0x80U | static_cast<unsigned>(opcode)));
  if (payload.size() <= 125) {
    frame.push_back(static_cast<char>(masked | payload.size()));
  } else if (payload.size() <= 0xFFFF) {
    frame.push_back(static_cast<char>(masked | 126U));
    append_big_endian(frame, payload.size(), 2);
  } else {
    frame.push_back(static_cast<char>(masked | 127U));
    append_big_endian(frame, payload.size(), 8);
  }
  frame.append(mask.substr(0, 4));
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame.push_back(static_cast<char>(payload[i] ^ mask[i % 4]));
  }
  return frame;
}

Result<std::optional<FrameReader::Head>> FrameReader::head() const {
  const std::string_view bytes = std::string_view(buffer_).substr(used_);
  if (bytes.size() < 2) return std::nullopt;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  if ((first & 0x70U) != 0) return forbidden("a reserved bit is set");
  if ((second & 0x80U) != 0) return forbidden("a frame of a server is masked");
  Head head{.final = (first & 0x80U) != 0,
            .opcode = static_cast<Opcode>(first & 0x0FU),
            .size = 2,
            .length = second & 0x7FU};
  const std::size_t extended = head.length == 126 ? 2 : head.length == 127 ? 8 : 0;
  if (extended > 0) {
    if (bytes.size() < 2 + extended) return std::nullopt;
    head.size += extended;
    head.length = big_endian(bytes.substr(2, extended));
    if (head.length <= (extended == 2 ? control_limit : 0xFFFFU)) {
      return forbidden("a length is longer than it need be");
    }
  }
  TRY(check(head));
  return head;
}

Result<> FrameReader::check(const Head& head) const {
  switch (head.opcode) {
    case Opcode::continuation:
      if (!partial_) return forbidden("a continuation continues nothing");
      break;
    case Opcode::text:
    case Opcode::binary:
      if (partial_) return forbidden("a message begins inside another");
      break;
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!head.final || head.length > control_limit) {
        return forbidden("a control frame is too long or in pieces");
      }
      break;
    default:
      return forbidden("an unknown kind of frame");
  }
  const std::size_t before = partial_ && !is_control(head.opcode) ? partial_->bytes.size() : 0;
  if (head.length > limit_ - before) return forbidden("a message is too large");
  return {};
}

Result<std::optional<FrameEvent>> FrameReader::next() {
  while (true) {
    const std::optional<Head> head = TRY(this->head());
    if (!head || buffer_.size() - used_ - head->size < head->length) {
      buffer_.erase(0, std::exchange(used_, 0));
      return std::nullopt;
    }
    const auto length = static_cast<std::size_t>(head->length);
    const std::string_view payload = std::string_view(buffer_).substr(used_ + head->size, length);
    std::optional<FrameEvent> event;
    if (is_control(head->opcode)) {
      event = FrameEvent{head->opcode, std::string(payload)};
    } else {
      if (!partial_) partial_ = FrameEvent{head->opcode, {}};
      partial_->bytes.append(payload);
      if (head->final) event = std::exchange(partial_, std::nullopt);
    }
    used_ += head->size + length;
    if (event) return event;
  }
}

}  // namespace carrel
