#include "os/websocket_frame.hpp"

#include "fakes/websocket_peer.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using testing::server_frame;
using namespace std::string_view_literals;

constexpr std::size_t limit = 1000;

TEST(WebSocketFrame, is_encoded_as_in_the_examples_of_rfc_6455) {
  EXPECT_EQ(encode_frame(Opcode::text, "Hello", "\x37\xfa\x21\x3d"sv),
            "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"sv);
  const std::string medium(256, 'x');
  EXPECT_EQ(encode_frame(Opcode::binary, medium, "\0\0\0\0"sv),
            std::string("\x82\xFE\x01\x00\0\0\0\0"sv) + medium);
  const std::string large(65536, 'x');
  EXPECT_EQ(encode_frame(Opcode::binary, large, "\0\0\0\0"sv),
            std::string("\x82\xFF\0\0\0\0\0\x01\0\0\0\0\0\0"sv) + large);
}

struct Read {
  std::vector<FrameEvent> events;
  std::optional<Error> error;
};

// Puts in `step` bytes at a time.
Read read_all(std::string_view bytes, std::size_t step, std::size_t message_limit = limit) {
  FrameReader reader(message_limit);
  Read read;
  while (!bytes.empty()) {
    reader.put(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    while (true) {
      auto event = reader.next();
      if (!event) {
        read.error = event.error();
        return read;
      }
      if (!*event) break;
      read.events.push_back(**event);
    }
  }
  return read;
}

TEST(WebSocketFrame, messages_are_read_alike_whatever_pieces_their_bytes_come_in) {
  const std::string long_text(300, 'y');
  const std::string larger(70000, 'z');
  const std::string bytes = server_frame(0x81, "one") + server_frame(0x89, "ping") +
                            server_frame(0x01, "fir") + server_frame(0x8A, "between") +
                            server_frame(0x00, "st ") + server_frame(0x80, "last") +
                            server_frame(0x82, "") + server_frame(0x82, long_text) +
                            server_frame(0x81, larger) + server_frame(0x88, "\x03\xE8");
  const std::vector<std::pair<Opcode, std::string>> expected = {
      {Opcode::text, "one"},        {Opcode::ping, "ping"},     {Opcode::pong, "between"},
      {Opcode::text, "first last"}, {Opcode::binary, ""},       {Opcode::binary, long_text},
      {Opcode::text, larger},       {Opcode::close, "\x03\xE8"}};
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7},
                                 std::size_t{1000}, bytes.size()}) {
    const Read read = read_all(bytes, step, 100'000);
    EXPECT_FALSE(read.error) << step;
    ASSERT_EQ(read.events.size(), expected.size()) << step;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(read.events[i].opcode, expected[i].first) << step << ", event " << i;
      EXPECT_EQ(read.events[i].bytes, expected[i].second) << step << ", event " << i;
    }
  }
}

TEST(WebSocketFrame, what_rfc_6455_forbids_is_refused) {
  struct Case {
    const char* name;
    std::string bytes;
  };
  const std::vector<Case> cases = {
      {"a reserved bit", server_frame(0xC1, "x")},
      {"a masked frame", std::string("\x81\x81\1\2\3\4x")},
      {"an unknown data frame", server_frame(0x83, "x")},
      {"an unknown control frame", server_frame(0x8B, "x")},
      {"a continuation of nothing", server_frame(0x80, "x")},
      {"a message in a message", server_frame(0x01, "x") + server_frame(0x81, "y")},
      {"a ping in pieces", server_frame(0x09, "x")},
      {"a long ping", server_frame(0x89, std::string(126, 'x'))},
      {"two bytes of length for one", std::string("\x81\x7E\x00\x7D", 4)},
      {"eight bytes of length for two", std::string("\x81\x7F\0\0\0\0\0\0\xFF\xFF", 10)},
      {"a length over 2^63", std::string("\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10)},
  };
  for (const Case& c : cases) {
    for (const std::size_t step : {std::size_t{1}, c.bytes.size()}) {
      const Read read = read_all(c.bytes, step);
      ASSERT_TRUE(read.error) << c.name;
      EXPECT_EQ(read.error->reason, Reason::corrupt) << c.name;
    }
  }
}

TEST(WebSocketFrame, a_message_up_to_the_limit_is_read_and_one_more_byte_is_not) {
  const std::string half(limit / 2, 'x');
  EXPECT_EQ(read_all(server_frame(0x81, half + half), 100).events.size(), 1U);
  EXPECT_TRUE(read_all(server_frame(0x81, half + half + "x"), 100).error);
  EXPECT_EQ(read_all(server_frame(0x01, half) + server_frame(0x80, half), 100).events.size(), 1U);
  EXPECT_TRUE(read_all(server_frame(0x01, half) + server_frame(0x80, half + "x"), 100).error);
  // a control frame between the pieces does not count
  EXPECT_EQ(read_all(server_frame(0x01, half + half) + server_frame(0x89, "ping") +
                         server_frame(0x80, ""),
                     100)
                .events.size(),
            2U);
}

TEST(WebSocketFrame, a_message_over_the_limit_is_refused_when_it_is_announced) {
  EXPECT_TRUE(read_all(server_frame(0x81, std::string(limit + 1, 'x')).substr(0, 4), 4).error);
}

}  // namespace
}  // namespace carrel
