#include "channel/ssh_session.hpp"

#include "os/lines.hpp"
#include "os/process.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::size_t most_kept = std::size_t{256} << 20U;
constexpr std::size_t longest_end = 32;  // a status and a newline, with room

std::string begin_of(std::string_view nonce) {
  return fmt::format("carrel-begin-{}\n", nonce);
}
std::string end_of(std::string_view nonce) {
  return fmt::format("carrel-end-{} ", nonce);
}

// How many bytes at the end of `text` may be the beginning of `mark`.
std::size_t beginning_at_end(std::string_view text, std::string_view mark) {
  for (std::size_t count = std::min(text.size(), mark.size() - 1); count > 0; --count) {
    if (text.ends_with(mark.substr(0, count))) return count;
  }
  return 0;
}

}  // namespace

// { }: a header that was cut short is a syntax error, and nothing of it runs.
Opening session_opening(std::string_view script, std::string_view nonce, bool has_input) {
  std::string header = fmt::format(
      "{{\n"
      "carrel_end() {{ echo \"{1}$1\"; echo \"{1}$1\" >&2; }}\n"
      "echo {0}; echo {0} >&2\n"
      "(\n{2}\n){3}\n"
      "carrel_end $?\n"
      "}}\n",
      begin_of(nonce).substr(0, begin_of(nonce).size() - 1), end_of(nonce), script,
      has_input ? "" : " </dev/null");
  std::string line = fmt::format(
      R"sh(exec /bin/sh -c 'eval "$(dd bs={} count=1 iflag=fullblock 2>/dev/null)"' carrel-session {})sh",
      header.size(), nonce);
  return {.line = std::move(line), .header = std::move(header)};
}

std::string terminal_line(const std::string& file) {
  return fmt::format(R"sh(exec /bin/sh -c 'eval "$(cat {0}; rm -f {0})"' carrel-session)sh", file);
}

SessionOutput::SessionOutput(std::string_view nonce,
                             const std::function<void(std::string_view)>& on_line, bool keep_output,
                             std::function<bool(std::string_view)> on_bytes)
    : begin_mark_(begin_of(nonce)),
      end_mark_(end_of(nonce)),
      has_listener_(on_line != nullptr),
      keep_output_(keep_output),
      on_bytes_(std::move(on_bytes)),
      sides_{Side{.lines = LineSplitter(on_line)}, Side{.lines = LineSplitter(on_line)}} {}

void SessionOutput::give(Side& side, std::size_t count) {
  const std::string_view bytes = std::string_view(side.pending).substr(0, count);
  if (side.begun && on_bytes_ && &side == &sides_[0]) {
    if (!bytes.empty() && !unwanted_ && !on_bytes_(bytes)) unwanted_ = true;
    side.pending.erase(0, count);
    return;
  }
  if (side.begun && has_listener_) side.lines.add(bytes);
  if (!side.begun || keep_output_ || &side != &sides_[0]) {
    if (side.kept.size() + count > most_kept) {
      too_long_ = true;
    } else {
      side.kept += bytes;
    }
  }
  side.pending.erase(0, count);
}

bool SessionOutput::add(Stream stream, std::string_view bytes) {
  Side& side = this->side(stream);
  side.pending += bytes;
  if (!side.begun) {
    const std::size_t at = side.pending.find(begin_mark_);
    if (at == std::string::npos) {
      give(side, side.pending.size() - beginning_at_end(side.pending, begin_mark_));
      return !is_over();
    }
    side.pending.erase(0, at + begin_mark_.size());
    side.kept.clear();
    side.begun = true;
  }
  if (side.ended) return true;
  const std::size_t at = side.pending.find(end_mark_);
  if (at == std::string::npos) {
    give(side, side.pending.size() - beginning_at_end(side.pending, end_mark_));
    return !is_over();
  }
  give(side, at);
  const std::string_view last = std::string_view(side.pending).substr(end_mark_.size());
  const std::size_t line_end = last.find('\n');
  if (line_end == std::string_view::npos) return !is_over() && last.size() <= longest_end;
  side.end = last.substr(0, line_end);
  side.ended = true;
  side.lines.finish();
  return !is_over() && !(sides_[0].ended && sides_[1].ended);
}

void SessionOutput::finish() {
  for (Side& side : sides_) {
    if (side.ended) continue;
    give(side, side.pending.size());
    side.lines.finish();
  }
}

std::optional<std::string> SessionOutput::end() const {
  const Side& error = side(Stream::error);
  return sides_[0].ended && error.ended ? std::optional(error.end) : std::nullopt;
}

}  // namespace carrel
