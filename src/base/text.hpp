// Text for people and for shells. Plain functions, no state, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

// One part more than there are separators: "" is one empty part.
std::vector<std::string> split(std::string_view text, char separator);
std::vector<std::string> lines_of(std::string_view text);  // without line ends; no empty last line
std::string_view trimmed(std::string_view text);           // ASCII white space at both ends
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string last_lines(std::string_view text, std::size_t count);

// One word for a POSIX shell: 'it'\''s'. Plain words stay as they are.
std::string shell_quoted(std::string_view word);
std::string shell_joined(const std::vector<std::string>& argv);

// The candidate nearest to `word` by edit distance, if it is near enough to be what was meant.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

// What another program or a file wrote, made safe to print on a terminal: control characters except
// newline and tab become ^X or \xNN, so that no escape sequence reaches the person's terminal.
std::string printable(std::string_view text);

bool is_utf8(std::string_view text);  // RFC 3629

// 0.3 s, 12 s, 4 min 05 s, 3 h 20 min, 2 days.
std::string duration_text(std::chrono::milliseconds duration);
// 512 B, 1.5 KB, 471 MB, 5.3 GB (decimal).
std::string size_text(std::uint64_t bytes);

std::string base64url(std::string_view bytes);  // RFC 4648 section 5, no padding
std::string hex(std::string_view bytes);

}  // namespace carrel
