#include "jupyter/message.hpp"

#include "base/error.hpp"
#include "jupyter/json_text.hpp"
#include "os/http.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

constexpr std::size_t v1_parts = 5;  // channel, header, parent_header, metadata, content
constexpr std::size_t word = 8;

std::unexpected<Error> malformed(std::string why) {
  return fail({.what = "a message of the kernel is malformed",
               .why = std::move(why),
               .hint = {},
               .exit = Exit::failed,
               .reason = Reason::corrupt,
               .trace = {}});
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = word; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

void append_little_endian(std::string& text, std::uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    text.push_back(static_cast<char>(value >> shift & 0xFFU));
  }
}

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

void append_big_endian(std::string& text, std::size_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    text.push_back(static_cast<char>(value >> shift & 0xFFU));
  }
}

// The kernel packs what Python cannot encode (a file's name that is not UTF-8) as the bytes they
// were: replaced, not refused, as a page does it.
Result<std::string> object_text(std::string_view text, std::string_view name) {
  if (is_json_object(text)) return std::string(text);
  std::string repaired = with_replacements(text);
  if (is_json_object(repaired)) return repaired;
  return malformed(fmt::format("its {} is not a JSON object", name));
}

Result<KernelMessage> from_json(std::string_view text, std::vector<std::string> buffers) {
  Json json = parse_json(text);
  if (json.is_discarded()) json = parse_json(with_replacements(text));
  if (!json.is_object()) return malformed("it is not a JSON object");
  KernelMessage message;
  message.buffers = std::move(buffers);
  message.channel = text_member(json, "channel");
  for (const auto& [name, part] : {std::pair{"header", &KernelMessage::header},
                                   {"parent_header", &KernelMessage::parent_header},
                                   {"metadata", &KernelMessage::metadata},
                                   {"content", &KernelMessage::content}}) {
    const Json* found = object_member(json, name);
    if (found == nullptr) return malformed(fmt::format("its {} is not a JSON object", name));
    message.*part = json_text(*found);
  }
  return message;
}

}  // namespace

std::string encode_v1(const KernelMessage& message) {
  std::vector<std::string_view> parts = {message.channel, message.header, message.parent_header,
                                         message.metadata, message.content};
  parts.insert(parts.end(), message.buffers.begin(), message.buffers.end());
  std::string frame;
  append_little_endian(frame, parts.size() + 1);
  std::uint64_t offset = word * (parts.size() + 2);
  append_little_endian(frame, offset);
  for (const std::string_view part : parts) {
    offset += part.size();
    append_little_endian(frame, offset);
  }
  for (const std::string_view part : parts) frame.append(part);
  return frame;
}

Result<KernelMessage> decode_v1(std::string_view frame) {
  if (frame.size() < word) return malformed("it is too short");
  const std::uint64_t count = little_endian(frame);
  if (count < v1_parts + 1) return malformed("parts are missing");
  if (count > frame.size() / word - 1) return malformed("it has fewer offsets than it says");
  const auto offset = [&](std::size_t i) { return little_endian(frame.substr(word * (i + 1))); };
  std::vector<std::string_view> parts;
  std::uint64_t start = offset(0);
  if (start != word * (count + 1)) return malformed("its first part is not behind the offsets");
  for (std::size_t i = 1; i < count; ++i) {
    const std::uint64_t end = offset(i);
    if (end < start || end > frame.size()) return malformed("its offsets do not ascend");
    parts.push_back(frame.substr(start, end - start));
    start = end;
  }
  if (start != frame.size()) return malformed("its last offset is not its length");
  KernelMessage message;
  message.channel = parts[0];
  message.header = TRY(object_text(parts[1], "header"));
  message.parent_header = TRY(object_text(parts[2], "parent_header"));
  message.metadata = TRY(object_text(parts[3], "metadata"));
  message.content = TRY(object_text(parts[4], "content"));
  message.buffers.assign(parts.begin() + v1_parts, parts.end());
  return message;
}

WebSocketMessage encode_legacy(const KernelMessage& message) {
  std::string text = fmt::format(
      R"({{"header": {}, "parent_header": {}, "metadata": {}, "content": {}, "channel": {}}})",
      message.header, message.parent_header, message.metadata, message.content,
      json_text(message.channel));
  if (message.buffers.empty()) return {.binary = false, .bytes = std::move(text)};
  std::vector<std::string_view> parts = {text};
  parts.insert(parts.end(), message.buffers.begin(), message.buffers.end());
  std::string frame;
  append_big_endian(frame, parts.size());
  std::size_t offset = 4 * (parts.size() + 1);
  for (const std::string_view part : parts) {
    append_big_endian(frame, offset);
    offset += part.size();
  }
  for (const std::string_view part : parts) frame.append(part);
  return {.binary = true, .bytes = std::move(frame)};
}

Result<KernelMessage> decode_legacy(const WebSocketMessage& frame) {
  const std::string_view bytes = frame.bytes;
  if (!frame.binary) return from_json(bytes, {});
  if (bytes.size() < 4) return malformed("it is too short");
  const std::size_t count = big_endian(bytes);
  if (count == 0) return malformed("parts are missing");
  if (count > bytes.size() / 4 - 1) return malformed("it has fewer offsets than it says");
  const auto offset = [&](std::size_t i) -> std::size_t {
    return i == count ? bytes.size() : big_endian(bytes.substr(4 * (i + 1)));
  };
  if (offset(0) != 4 * (count + 1)) return malformed("its first part is not behind the offsets");
  std::vector<std::string_view> parts;
  for (std::size_t i = 0; i < count; ++i) {
    if (offset(i + 1) < offset(i) || offset(i + 1) > bytes.size()) {
      return malformed("its offsets do not ascend");
    }
    parts.push_back(bytes.substr(offset(i), offset(i + 1) - offset(i)));
  }
  return from_json(parts[0], {parts.begin() + 1, parts.end()});
}

}  // namespace carrel
