#include "base/text.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using std::chrono::milliseconds;
using Strings = std::vector<std::string>;

TEST(text, splits_into_one_part_more_than_separators) {
  EXPECT_EQ(split("a:b", ':'), (Strings{"a", "b"}));
  EXPECT_EQ(split("", ':'), (Strings{""}));
  EXPECT_EQ(split(":a:", ':'), (Strings{"", "a", ""}));
}

TEST(text, lines_lose_their_ends_and_there_is_no_empty_last_line) {
  EXPECT_EQ(lines_of(""), Strings{});
  EXPECT_EQ(lines_of("a\nb"), (Strings{"a", "b"}));
  EXPECT_EQ(lines_of("a\r\n\nb\n"), (Strings{"a", "", "b"}));
}

TEST(text, trims_white_space_at_both_ends_only) {
  EXPECT_EQ(trimmed(" \t a b \r\n"), "a b");
  EXPECT_EQ(trimmed(" \n "), "");
}

TEST(text, keeps_the_last_lines) {
  EXPECT_EQ(last_lines("a\nb\nc\n", 2), "b\nc");
  EXPECT_EQ(last_lines("a\n", 5), "a");
  EXPECT_EQ(last_lines("a\n", 0), "");
}

TEST(text, joins_with_separators_between) {
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(text, quotes_what_a_shell_would_read_otherwise) {
  struct Case {
    std::string_view word;
    std::string_view quoted;
  };
  for (const auto& [word, quoted] : std::vector<Case>{{"plain-word_1.txt", "plain-word_1.txt"},
                                                      {"--flag=a/b:c", "--flag=a/b:c"},
                                                      {"", "''"},
                                                      {"two words", "'two words'"},
                                                      {"it's", "'it'\\''s'"},
                                                      {"$HOME", "'$HOME'"},
                                                      {"~", "'~'"},
                                                      {"=ls", "'=ls'"},
                                                      {"a\nb", "'a\nb'"},
                                                      {"é", "'é'"}}) {
    EXPECT_EQ(shell_quoted(word), quoted);
  }
}

TEST(text, a_first_word_that_would_assign_is_quoted) {
  EXPECT_EQ(shell_joined({"A=b", "C=d"}), "'A=b' C=d");
}

TEST(text, finds_what_was_probably_meant) {
  const Strings commands = {"open", "stop", "list", "remove"};
  EXPECT_EQ(nearest("opne", commands), "open");
  EXPECT_EQ(nearest("STOP", commands), "stop");
  EXPECT_EQ(nearest("remov", commands), "remove");
  EXPECT_EQ(nearest("frobnicate", commands), std::nullopt);
  EXPECT_EQ(nearest("", commands), std::nullopt);
  EXPECT_EQ(nearest("x", {"y"}), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), commands), std::nullopt);
}

TEST(text, nothing_printable_can_move_the_cursor) {
  struct Case {
    const char* name;
    std::string_view text;
    std::string_view safe;
  };
  using namespace std::string_view_literals;
  const std::vector<Case> cases = {
      {"plain text, newline and tab stay", "a\tb\n", "a\tb\n"},
      {"an escape sequence", "\x1b[31mred", "^[[31mred"},
      {"a carriage return", "a\rb", "a^Mb"},
      {"NUL and DEL", "\0\x7f"sv, "^@^?"},
      {"letters beyond ASCII stay", "é 漢 🙂", "é 漢 🙂"},
      {"C1: the 8-bit CSI",
       "\xc2\x9b"
       "31m",
       "\\xc2\\x9b31m"},
      {"the last C1 and the first letter after", "\xc2\x9f\xc2\xa0", "\\xc2\\x9f\xc2\xa0"},
      {"right-to-left override", "\xe2\x80\xae", "\\xe2\\x80\\xae"},
      {"isolate", "\xe2\x81\xa6", "\\xe2\\x81\\xa6"},
      {"a raw C1 byte", "\x9b", "\\x9b"},
      {"an overlong escape", "\xc0\x9b", "\\xc0\\x9b"},
      {"an overlong letter in three bytes", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
      {"a surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
      {"above the last code point", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"cut in the middle", "a\xe6\xbc", "a\\xe6\\xbc"},
      {"a control inside a broken letter", "\xe6\x1b[", "\\xe6^[["}};
  for (const Case& c : cases) EXPECT_EQ(printable(c.text), c.safe) << c.name;
}

TEST(text, durations_pick_their_unit_after_rounding) {
  struct Case {
    std::int64_t ms;
    std::string_view text;
  };
  for (const auto& [ms, text] : std::vector<Case>{{0, "0.0 s"},
                                                  {-5, "0.0 s"},
                                                  {300, "0.3 s"},
                                                  {9'949, "9.9 s"},
                                                  {9'950, "10 s"},
                                                  {12'000, "12 s"},
                                                  {59'499, "59 s"},
                                                  {59'500, "1 min 00 s"},
                                                  {245'000, "4 min 05 s"},
                                                  {3'599'500, "1 h 00 min"},
                                                  {12'000'000, "3 h 20 min"},
                                                  {172'770'000, "2 days"},
                                                  {180'000'000, "2 days"}}) {
    EXPECT_EQ(duration_text(milliseconds(ms)), text) << ms;
  }
  EXPECT_EQ(duration_text(milliseconds::max()), "106751991167 days");
}

TEST(text, sizes_pick_their_unit_after_rounding) {
  struct Case {
    std::uint64_t bytes;
    std::string_view text;
  };
  for (const auto& [bytes, text] :
       std::vector<Case>{{0, "0 B"},
                         {512, "512 B"},
                         {999, "999 B"},
                         {1'500, "1.5 KB"},
                         {9'960, "10 KB"},
                         {471'000'000, "471 MB"},
                         {999'600'000, "1.0 GB"},
                         {5'300'000'000, "5.3 GB"},
                         {std::numeric_limits<std::uint64_t>::max(), "18 EB"}}) {
    EXPECT_EQ(size_text(bytes), text) << bytes;
  }
}

TEST(text, base64url_gives_the_vectors_of_rfc_4648_without_padding) {
  EXPECT_EQ(base64url(""), "");
  EXPECT_EQ(base64url("f"), "Zg");
  EXPECT_EQ(base64url("fo"), "Zm8");
  EXPECT_EQ(base64url("foo"), "Zm9v");
  EXPECT_EQ(base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64url("\xfb\xff\xfe"), "-__-");
}

TEST(text, hex_is_two_lower_case_digits_a_byte) {
  EXPECT_EQ(hex(std::string_view("\x00\x9f\xff", 3)), "009fff");
}

}  // namespace
}  // namespace carrel
