#include "cli/show.hpp"

#include "base/error.hpp"
#include "base/money.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/terminal.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};
// Unicode 15: the blocks whose characters terminals draw two columns wide, and the common combining
// blocks.
constexpr std::array wide = std::to_array<Range>({{0x1100, 0x115F},
                                                  {0x2E80, 0x303E},
                                                  {0x3041, 0xA4CF},
                                                  {0xA960, 0xA97C},
                                                  {0xAC00, 0xD7A3},
                                                  {0xF900, 0xFAFF},
                                                  {0xFE30, 0xFE6F},
                                                  {0xFF00, 0xFF60},
                                                  {0xFFE0, 0xFFE6},
                                                  {0x1F300, 0x1F64F},
                                                  {0x1F680, 0x1F6FF},
                                                  {0x1F900, 0x1FAFF},
                                                  {0x20000, 0x3FFFD}});
constexpr std::array narrow = std::to_array<Range>({{0x0300, 0x036F},
                                                    {0x0483, 0x0489},
                                                    {0x0591, 0x05BD},
                                                    {0x064B, 0x065F},
                                                    {0x1AB0, 0x1AFF},
                                                    {0x1DC0, 0x1DFF},
                                                    {0x200B, 0x200F},
                                                    {0x20D0, 0x20FF},
                                                    {0xFE00, 0xFE0F},
                                                    {0xFE20, 0xFE2F}});

// One byte, one column, nothing to hide: most of what a listing of a thousand lines holds.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) { return letter >= ' ' && letter <= '~'; });
}

bool within(const auto& ranges, std::uint32_t point) {
  return std::ranges::any_of(
      ranges, [&](const Range& range) { return point >= range.first && point <= range.last; });
}

struct Character {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

// The character at `at`; a byte that is no UTF-8 counts as one column.
Character character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  std::size_t length = 1;
  if (first >= 0xF0) {
    length = 4;
  } else if (first >= 0xE0) {
    length = 3;
  } else if (first >= 0xC0) {
    length = 2;
  }
  if (length == 1 || at + length > text.size()) return {};
  std::uint32_t point = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0U) != 0x80U) return {};
    point = (point << 6U) | (next & 0x3FU);
  }
  if (within(narrow, point)) return {.bytes = length, .columns = 0};
  return {.bytes = length, .columns = within(wide, point) ? std::size_t{2} : std::size_t{1}};
}

// The length of the SGR sequence at `at`: ESC [ digits ; : m; 0 when there is none.
std::size_t sgr_length(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("\x1b[")) return 0;
  for (std::size_t i = at + 2; i < text.size() && i < at + 32; ++i) {
    if (text[i] == 'm') return i - at + 1;
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0 && text[i] != ';' &&
        text[i] != ':') {
      return 0;
    }
  }
  return 0;
}

std::string_view variable(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string_view{} : std::string_view(found->second);
}

std::string indented(std::string_view text) {
  std::string result;
  for (const auto& line : lines_of(printable_coloured(text, false))) result += "  " + line + "\n";
  return result;
}

}  // namespace

Look look_of(const Terminal& terminal, Output output, const Environment& environment) {
  std::string locale;
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (locale.empty()) locale = variable(environment, name);
  }
  std::ranges::transform(locale, locale.begin(), [](unsigned char letter) {
    return static_cast<char>(std::tolower(letter));
  });
  const auto charset = locale.find('.');
  const bool other_charset =
      charset != std::string::npos && locale.find("utf", charset) == std::string::npos;
  const auto kind = variable(environment, "TERM");
  const bool shown =
      output == Output::out ? terminal.output_is_terminal() : terminal.error_is_terminal();
  return {.colours = shown && terminal.colours(),
          .unicode = !other_charset && kind != "linux" && kind != "dumb",
          .width = terminal.width()};
}

std::string styled(std::string_view text, Style style, const Look& look) {
  constexpr std::array codes{"", "1", "2", "31", "32", "33"};
  if (!look.colours || style == Style::plain || text.empty()) return std::string(text);
  return std::string("\x1b[") + codes.at(static_cast<std::size_t>(style)) + "m" +
         std::string(text) + "\x1b[0m";
}

std::string one_line(std::string_view text) {
  if (is_plain(text) && !text.starts_with(' ') && !text.ends_with(' ') &&
      text.find("  ") == std::string_view::npos) {
    return std::string(text);
  }
  std::string result;
  bool space = false;
  for (const char letter : printable_coloured(text, false)) {
    if (letter == ' ' || letter == '\n' || letter == '\t') {
      space = !result.empty();
      continue;
    }
    if (space) result += ' ';
    space = false;
    result += letter;
  }
  return result;
}

std::string printable_coloured(std::string_view text, bool colours) {
  std::string result;
  std::size_t done = 0;
  bool coloured = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = text[at] == '\x1b' ? sgr_length(text, at) : 0;
    if (length == 0) {
      ++at;
      continue;
    }
    result += printable(text.substr(done, at - done));
    if (colours) {
      result += text.substr(at, length);
      coloured = true;
    }
    at += length;
    done = at;
  }
  result += printable(text.substr(done));
  if (coloured) result += "\x1b[0m";
  return result;
}

std::size_t display_width(std::string_view text) {
  if (is_plain(text)) return text.size();
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = character_at(text, at);
    columns += character.columns;
    at += character.bytes;
  }
  return columns;
}

std::string cut(std::string_view text, std::size_t width, const Look& look) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view sign = look.unicode ? "…" : "...";
  const auto sign_width = display_width(sign);
  if (width < sign_width) return {};
  std::size_t columns = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto character = character_at(text, at);
    if (columns + character.columns > width - sign_width) break;
    columns += character.columns;
    at += character.bytes;
  }
  return std::string(text.substr(0, at)) + std::string(sign);
}

std::string Table::text(const Look& look, bool fit) const {
  std::vector<std::size_t> widths;
  const auto measure = [&](const std::vector<std::string>& row) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  };
  measure(head);
  for (const auto& row : rows) measure(row);

  std::size_t others = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) others += i == stretch ? 2 : widths[i] + 2;
  if (fit && stretch < widths.size()) {
    const auto room = static_cast<std::size_t>(std::max(look.width, 0));
    const auto least = std::size_t{12};
    widths[stretch] =
        std::min(widths[stretch], room + 2 > others + least ? room + 2 - others : least);
  }

  std::string result;
  const auto add = [&](const std::vector<std::string>& row, Style style) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto cell = i == stretch && fit ? cut(row[i], widths[i], look) : row[i];
      line += cell;
      if (i + 1 < row.size()) line += std::string(widths[i] - display_width(cell) + 2, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    result += styled(line, style, look) + "\n";
  };
  if (!head.empty()) add(head, Style::bold);
  for (const auto& row : rows) add(row, Style::plain);
  return result;
}

std::string shown_folder(std::string_view folder, std::string_view home) {
  auto text = one_line(folder);
  if (home.size() > 1 && text.starts_with(home) &&
      (text.size() == home.size() || text[home.size()] == '/')) {
    return "~" + text.substr(home.size());
  }
  return text;
}

std::string ago(std::chrono::milliseconds duration) {
  using std::chrono::seconds;
  if (duration < seconds(2)) return "just now";
  const auto whole = std::chrono::floor<seconds>(duration);
  if (whole < seconds(60)) return std::to_string(whole.count()) + " s ago";
  return duration_text(whole) + " ago";
}

std::string when_text(WallTime time, WallTime now) {
  const auto local = [](WallTime when) {
    const auto seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    return parts;
  };
  const auto then = local(time);
  const auto today = local(now);
  const bool same_day = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
  std::array<char, 64> text{};
  const auto size =
      std::strftime(text.data(), text.size(), same_day ? "at %H:%M" : "on %e %b at %H:%M", &then);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(time - now);
  return std::string(text.data(), size) +
         (left.count() > 0 ? ", in " + duration_text(left) : std::string());
}

std::string cost_line(Money per_hour, std::string_view place) {
  if (per_hour.micro_usd != 0) return to_string(per_hour) + " an hour";
  return place == "this computer" ? "nothing: this is your own computer" : "nothing";
}

std::string error_text(const Error& error, const Look& look) {
  const bool stopped = error.reason == Reason::interrupted;
  std::string result = styled("carrel:", stopped ? Style::yellow : Style::red, look) + " ";
  const auto what = lines_of(printable_coloured(error.what, false));
  for (std::size_t i = 0; i < what.size(); ++i) result += (i == 0 ? "" : "  ") + what[i] + "\n";
  if (what.empty()) result += "failed\n";
  result += indented(error.why);
  if (!error.hint.empty()) {
    const auto lines = lines_of(printable_coloured(error.hint, false));
    for (std::size_t i = 0; i < lines.size(); ++i) {
      result += i == 0 ? "  " + styled("next:", Style::bold, look) + " " : "        ";
      result += lines[i] + "\n";
    }
  }
  for (const auto& step : error.trace) {
    const auto text = one_line(step);
    result +=
        "  " + styled(text.starts_with("while ") ? text : "while " + text, Style::dim, look) + "\n";
  }
  return result;
}

}  // namespace carrel::cli
