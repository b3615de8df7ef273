// Text for a person's screen: colours, widths, tables, errors. Pure.
//
// Whatever another program, a file or the network wrote passes through `one_line`, `printable` or
// `printable_coloured`.
#pragma once

#include "base/error.hpp"
#include "base/money.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/terminal.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::cli {

// How things may look on one output.
struct Look {
  bool colours = false;
  bool unicode = true;  // ticks and spinners; false on the Linux console and where the locale names
                        // another charset
  int width = 80;
};
enum class Output { out, err };
Look look_of(const Terminal& terminal, Output output, const Environment& environment);

enum class Style { plain, bold, dim, red, green, yellow };
std::string styled(std::string_view text, Style style, const Look& look);

std::string one_line(std::string_view text);  // printable, without colours, white space runs merged
// Printable, but colours (SGR sequences, ECMA-48 8.3.117) stay when `colours`, closed at the end;
// else they are dropped.
std::string printable_coloured(std::string_view text, bool colours);

// Columns that UTF-8 text takes: wide East Asian characters and emoji count two, combining marks
// none.
std::size_t display_width(std::string_view text);
// Cut to `width` columns with "…" ("..." where unicode is not to be had) when it is longer.
std::string cut(std::string_view text, std::size_t width, const Look& look);

// Columns apart by two spaces; the last is not padded. Column `stretch` is cut so that rows fit
// look.width (0: never cut).
struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::size_t stretch = 0;
  std::string text(const Look& look, bool fit) const;
};

// A folder as people write it: ~ for their home.
std::string shown_folder(std::string_view folder, std::string_view home);
std::string ago(
    std::chrono::milliseconds duration);  // "just now", "5 min 20 s ago", "2 h 10 min ago"
// A time to come, as clocks here show it: "at 18:05, in 2 h 10 min", "on 26 Nov at 18:05, ...".
std::string when_text(WallTime time, WallTime now);
// What running costs: "nothing: this is your own computer", "$1.20 an hour".
std::string cost_line(Money per_hour, std::string_view place);

// carrel: WHAT, the reasons indented, the next step, where it happened.
std::string error_text(const Error& error, const Look& look);

}  // namespace carrel::cli
