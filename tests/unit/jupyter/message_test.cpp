#include "jupyter/message.hpp"

#include <cstddef>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using namespace std::string_view_literals;

// Made by jupyter_server itself: golden/make_golden.py.
std::string golden(const std::string& name) {
  std::ifstream file(CARREL_SOURCE_DIR "/tests/unit/jupyter/golden/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

const KernelMessage plain = {
    .channel = "shell",
    .header = R"({"msg_id": "a1", "msg_type": "execute_request", "session": "s", )"
              R"("username": "carrel", "date": "2026-01-02T03:04:05.000006Z", "version": "5.3"})",
    .content = R"({"code": "print('h\u00e9llo \ud83d\ude00')\n", "silent": false})",
};
const KernelMessage with_buffers = {
    .channel = "iopub",
    .header = R"({"msg_id": "b2", "msg_type": "comm_msg", "session": "s"})",
    .parent_header = R"({"msg_id": "a1"})",
    .metadata = R"({"deep": {"z": [1, 2.5, null], "a": true}})",
    .content = R"({"comm_id": "c", "data": {}})",
    .buffers = {std::string("\0\1\xFF"sv), "", "tail\n"},
};

void expect_same(const KernelMessage& a, const KernelMessage& b) {
  EXPECT_EQ(a.channel, b.channel);
  EXPECT_EQ(a.header, b.header);
  EXPECT_EQ(a.parent_header, b.parent_header);
  EXPECT_EQ(a.metadata, b.metadata);
  EXPECT_EQ(a.content, b.content);
  EXPECT_EQ(a.buffers, b.buffers);
}

// Without the spaces that Python puts behind ':' and ',' and with characters for escapes, as a
// legacy frame is read.
KernelMessage compact(KernelMessage message) {
  for (std::string* text :
       {&message.header, &message.parent_header, &message.metadata, &message.content}) {
    for (const auto& [from, to] : {std::pair{"\": "sv, "\":"sv},
                                   {", "sv, ","sv},
                                   {R"(\u00e9)"sv, "\u00e9"sv},
                                   {R"(\ud83d\ude00)"sv, "\U0001F600"sv}}) {
      for (std::size_t at = 0; (at = text->find(from, at)) != std::string::npos; at += to.size()) {
        text->replace(at, from.size(), to);
      }
    }
  }
  return message;
}

TEST(KernelMessage, has_jupyter_servers_bytes_in_the_v1_framing) {
  EXPECT_EQ(encode_v1(plain), golden("plain_v1.bin"));
  EXPECT_EQ(encode_v1(with_buffers), golden("buffers_v1.bin"));
}

TEST(KernelMessage, is_read_from_jupyter_servers_v1_bytes) {
  for (const auto& [name, message] :
       {std::pair{"plain_v1.bin", &plain}, {"buffers_v1.bin", &with_buffers}}) {
    auto decoded = decode_v1(golden(name));
    ASSERT_TRUE(decoded) << name << ": " << decoded.error().why;
    expect_same(*decoded, *message);
  }
}

TEST(KernelMessage, has_jupyter_servers_bytes_in_the_legacy_framing) {
  EXPECT_FALSE(encode_legacy(plain).binary);
  EXPECT_EQ(encode_legacy(plain).bytes, golden("plain_legacy.bin"));
  EXPECT_TRUE(encode_legacy(with_buffers).binary);
  EXPECT_EQ(encode_legacy(with_buffers).bytes, golden("buffers_legacy.bin"));
}

TEST(KernelMessage, is_read_from_jupyter_servers_legacy_bytes) {
  auto text = decode_legacy({.binary = false, .bytes = golden("plain_legacy.bin")});
  ASSERT_TRUE(text) << text.error().why;
  expect_same(*text, compact(plain));
  auto binary = decode_legacy({.binary = true, .bytes = golden("buffers_legacy.bin")});
  ASSERT_TRUE(binary) << binary.error().why;
  expect_same(*binary, compact(with_buffers));
}

TEST(KernelMessage, bytes_that_are_not_utf8_are_replaced) {
  auto decoded = decode_v1(golden("bare_bytes_v1.bin"));
  ASSERT_TRUE(decoded) << decoded.error().why;
  EXPECT_NE(decoded->content.find("\"caf\uFFFD\""), std::string::npos) << decoded->content;
}

TEST(KernelMessage, each_kind_of_bad_utf8_is_replaced_and_good_text_beside_it_stays) {
  struct Case {
    const char* name;
    std::string_view text;
    std::string_view repaired;
  };
  const std::vector<Case> cases = {
      {"a lone continuation", "a\x80z", "a\uFFFDz"},
      {"an overlong slash", "\xC0\xAF", "\uFFFD\uFFFD"},
      {"a surrogate", "\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"beyond Unicode", "\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"cut off", "\xE2\x82", "\uFFFD\uFFFD"},
      {"good beside bad", "\u00e9\u20ac\U0001F600\xFF", "\u00e9\u20ac\U0001F600\uFFFD"},
  };
  for (const Case& c : cases) {
    const auto content = [](std::string_view text) {
      return "{\"t\":\"" + std::string(text) + "\"}";
    };
    KernelMessage message = plain;
    message.content = content(c.text);
    auto decoded = decode_v1(encode_v1(message));
    ASSERT_TRUE(decoded) << c.name;
    EXPECT_EQ(decoded->content, content(c.repaired)) << c.name;
    auto legacy = decode_legacy(encode_legacy(message));
    ASSERT_TRUE(legacy) << c.name;
    EXPECT_EQ(legacy->content, content(c.repaired)) << c.name;
  }
}

std::string word(unsigned char value) {
  return std::string(1, static_cast<char>(value)) + std::string(7, '\0');
}

TEST(KernelMessage, malformed_v1_frames_are_corrupt) {
  const std::string good = encode_v1(plain);
  const auto changed = [&](std::size_t offset, unsigned char value) {
    std::string frame = good;
    return frame.replace(8 * offset, 8, word(value));
  };
  const std::vector<std::pair<const char*, std::string>> cases = {
      {"empty", ""},
      {"half a count", "\1\0\0"},
      {"no offsets", word(0)},
      {"too few parts", changed(0, 5)},
      {"more offsets than bytes", changed(0, 255)},
      {"a count over 2^63", std::string(8, '\xFF') + std::string(100, '\0')},
      {"parts inside the offsets", changed(1, 8)},
      {"a descending offset", changed(3, 57)},
      {"an offset beyond the end", changed(2, 255).replace(9 + 8, 1, "\xFF")},
      {"a last offset that is not the length", good + "x"},
      {"cut off", good.substr(0, good.size() - 1)},
  };
  for (const auto& [name, frame] : cases) {
    auto decoded = decode_v1(frame);
    ASSERT_FALSE(decoded) << name;
    EXPECT_EQ(decoded.error().reason, Reason::corrupt) << name;
  }
}

TEST(KernelMessage, parts_that_are_not_json_objects_are_corrupt_in_both_framings) {
  const std::vector<std::string> texts = {
      "",    "[]",       "null",   "{",
      "{}x", "{\"a\":}", "\"{}\"", "{\"a\":" + std::string(501, '[') + std::string(501, ']') + "}"};
  for (const std::string& text : texts) {
    for (std::string KernelMessage::* part : {&KernelMessage::header, &KernelMessage::parent_header,
                                              &KernelMessage::metadata, &KernelMessage::content}) {
      KernelMessage message = plain;
      message.*part = text;
      EXPECT_FALSE(decode_v1(encode_v1(message))) << text;
      EXPECT_FALSE(decode_legacy(encode_legacy(message))) << text;
    }
  }
}

TEST(KernelMessage, nesting_up_to_the_limit_is_read) {
  KernelMessage message = plain;
  message.content =
      "{\"a\":" + std::string(498, '[') + "\"[[[\\\"[\"" + std::string(498, ']') + "}";
  EXPECT_TRUE(decode_v1(encode_v1(message)));
  EXPECT_TRUE(decode_legacy(encode_legacy(message)));
}

TEST(KernelMessage, malformed_legacy_frames_are_corrupt) {
  const std::string good = encode_legacy(with_buffers).bytes;
  const auto changed = [&](std::size_t at, std::string_view bytes) {
    std::string frame = good;
    return frame.replace(4 * at, 4, bytes);
  };
  const std::vector<std::pair<const char*, WebSocketMessage>> cases = {
      {"not JSON", {false, "hello"}},
      {"not an object", {false, "[1]"}},
      {"nothing but a channel", {false, R"({"channel":"shell"})"}},
      {"a content that is text",
       {false, R"({"channel":"a","header":{},"parent_header":{},"metadata":{},"content":"x"})"}},
      {"too short", {true, "\1"}},
      {"no parts", {true, std::string(8, '\0')}},
      {"more offsets than bytes", {true, changed(0, "\0\0\xFF\xFF"sv)}},
      {"a huge count", {true, changed(0, "\xFF\xFF\xFF\xFF"sv)}},
      {"a part inside the offsets", {true, changed(1, "\0\0\0\4"sv)}},
      {"a descending offset", {true, changed(3, "\0\0\0\x14"sv)}},
      {"an offset beyond the end", {true, changed(4, "\0\xFF\0\0"sv)}},
  };
  for (const auto& [name, frame] : cases) {
    auto decoded = decode_legacy(frame);
    ASSERT_FALSE(decoded) << name;
    EXPECT_EQ(decoded.error().reason, Reason::corrupt) << name;
  }
}

}  // namespace
}  // namespace carrel
