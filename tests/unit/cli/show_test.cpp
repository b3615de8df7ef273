#include "cli/show.hpp"

#include "base/error.hpp"
#include "fakes/fake_terminal.hpp"

#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel::cli {
namespace {

constexpr Look plain{.colours = false, .unicode = true, .width = 80};
constexpr Look coloured{.colours = true, .unicode = true, .width = 80};

TEST(show, foreign_text_keeps_no_escape_sequence_but_colours_on_a_terminal) {
  struct Case {
    const char* name;
    std::string text;
    std::string with_colours;
    std::string without;
  };
  const std::vector<Case> cases{
      {"plain text stays", "a\tb\nc", "a\tb\nc", "a\tb\nc"},
      {"colours stay or go", "\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m\x1b[0m", "red"},
      {"colours are closed", "\x1b[1;31mred", "\x1b[1;31mred\x1b[0m", "red"},
      {"256 colours with colons", "\x1b[38:5:1mx", "\x1b[38:5:1mx\x1b[0m", "x"},
      {"clearing the screen does not", "\x1b[2Jx", "^[[2Jx", "^[[2Jx"},
      {"nor a title", "\x1b]0;evil\x07", "^[]0;evil^G", "^[]0;evil^G"},
      {"nor a question for the cursor", "\x1b[?25m", "^[[?25m", "^[[?25m"},
      {"nor an unfinished sequence", "x\x1b[31", "x^[[31", "x^[[31"},
      {"nor one without an end", "\x1b[" + std::string(100, '1') + "m",
       "^[[" + std::string(100, '1') + "m", "^[[" + std::string(100, '1') + "m"},
      {"nor a bare escape at the end", "x\x1b", "x^[", "x^["},
  };
  for (const auto& item : cases) {
    EXPECT_EQ(printable_coloured(item.text, true), item.with_colours) << item.name;
    EXPECT_EQ(printable_coloured(item.text, false), item.without) << item.name;
  }
}

TEST(show, one_line_has_one_line) {
  EXPECT_EQ(one_line("  a\n\n b\t\x1b[31mc\x1b[0m "), "a b c");
  EXPECT_EQ(one_line("\n"), "");
}

TEST(show, widths_are_those_of_a_terminal) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("Übung"), 5U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(display_width("🚀"), 2U);
  EXPECT_EQ(display_width("\xff\xc3"), 2U) << "bytes that are no UTF-8 count one each";
}

TEST(show, cutting_never_exceeds_the_width_and_never_splits_a_character) {
  EXPECT_EQ(cut("abcdef", 6, plain), "abcdef");
  EXPECT_EQ(cut("abcdef", 5, plain), "abcd…");
  EXPECT_EQ(cut("日本語", 5, plain), "日本…");
  EXPECT_EQ(cut("日本語", 4, plain), "日…");
  EXPECT_EQ(cut("abcdef", 0, plain), "");
  EXPECT_EQ(cut("abcdef", 5, {.colours = false, .unicode = false, .width = 80}), "ab...");
  for (std::size_t width = 0; width < 12; ++width) {
    EXPECT_LE(display_width(cut("aé日本🚀e\u0301zz", width, plain)), width);
  }
}

TEST(show, tables_fit_the_terminal_by_cutting_one_column) {
  const Table table{.head = {"NAME", "FOLDER", "SINCE"},
                    .rows = {{"digits", "~/a/very/long/folder/that/does/not/fit", "5 min ago"},
                             {"x", "~/x", "-"}},
                    .stretch = 1};
  const Look narrow{.colours = false, .unicode = true, .width = 40};
  EXPECT_EQ(table.text(narrow, true),
            "NAME    FOLDER                 SINCE\n"
            "digits  ~/a/very/long/folder…  5 min ago\n"
            "x       ~/x                    -\n");
  EXPECT_NE(table.text(narrow, false).find("that/does/not/fit"), std::string::npos);
}

TEST(show, a_home_is_a_tilde_and_only_a_home) {
  EXPECT_EQ(shown_folder("/home/ada/x", "/home/ada"), "~/x");
  EXPECT_EQ(shown_folder("/home/ada", "/home/ada"), "~");
  EXPECT_EQ(shown_folder("/home/adam/x", "/home/ada"), "/home/adam/x");
  EXPECT_EQ(shown_folder("/x", ""), "/x");
  EXPECT_EQ(shown_folder("/x", "/"), "/x");
}

TEST(show, costs_are_said_in_words_where_there_are_none) {
  EXPECT_EQ(cost_line({}, "this computer"), "nothing: this is your own computer");
  EXPECT_EQ(cost_line({}, "gpu-box"), "nothing");
  EXPECT_EQ(cost_line({1'250'000}, "eu-west-1"), "$1.25 an hour");
}

TEST(show, a_time_to_come_has_its_day_where_that_is_not_today) {
  std::tm local{};
  local.tm_year = 126;
  local.tm_mday = 15;
  local.tm_hour = 12;
  local.tm_isdst = -1;
  const auto noon = std::chrono::system_clock::from_time_t(std::mktime(&local));
  EXPECT_EQ(when_text(noon + std::chrono::minutes(90), noon), "at 13:30, in 1 h 30 min");
  EXPECT_EQ(when_text(noon + std::chrono::hours(13), noon), "on 16 Jan at 01:00, in 13 h 00 min");
  EXPECT_EQ(when_text(noon, noon + std::chrono::hours(1)), "at 12:00");
}

TEST(show, ages_begin_with_just_now) {
  using namespace std::chrono_literals;
  EXPECT_EQ(ago(-5s), "just now");
  EXPECT_EQ(ago(1900ms), "just now");
  EXPECT_EQ(ago(12'900ms), "12 s ago");
}

TEST(show, errors_say_what_why_what_next_and_where_in_this_order) {
  const Error error{.what = "uv could not make it",
                    .why = "no version of\n\x1b[31mnumpy\x1b[0m\x1b]0;t\x07",
                    .hint = "correct line 3",
                    .exit = Exit::act,
                    .reason = Reason::refused,
                    .trace = {"while bringing it up", "making the environment"}};
  EXPECT_EQ(error_text(error, plain),
            "carrel: uv could not make it\n"
            "  no version of\n"
            "  numpy^[]0;t^G\n"
            "  next: correct line 3\n"
            "  while bringing it up\n"
            "  while making the environment\n");
  EXPECT_TRUE(error_text(error, coloured).starts_with("\x1b[31mcarrel:\x1b[0m uv"));
  EXPECT_EQ(error_text({.what = "", .why = {}, .hint = {}, .trace = {}}, plain),
            "carrel: failed\n");
}

TEST(show, colours_and_ticks_need_an_output_that_has_them) {
  FakeTerminal terminal;
  terminal.has_colours = true;
  terminal.out_terminal = false;
  EXPECT_TRUE(look_of(terminal, Output::err, {}).colours);
  EXPECT_FALSE(look_of(terminal, Output::out, {}).colours);
  struct Case {
    Environment environment;
    bool unicode;
  };
  const std::vector<Case> cases{{{}, true},
                                {{{"LANG", "C"}}, true},
                                {{{"LANG", "de_DE.UTF-8"}}, true},
                                {{{"LANG", "de_DE.ISO-8859-1"}}, false},
                                {{{"LANG", "de_DE.ISO-8859-1"}, {"LC_ALL", "C.utf8"}}, true},
                                {{{"TERM", "linux"}}, false}};
  for (const auto& item : cases) {
    EXPECT_EQ(look_of(terminal, Output::err, item.environment).unicode, item.unicode)
        << (item.environment.empty() ? "" : item.environment.begin()->second);
  }
}

}  // namespace
}  // namespace carrel::cli
