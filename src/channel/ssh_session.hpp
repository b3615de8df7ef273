// What is said in one ssh session. Pure: text out, bytes in.
//
// Any login shell is given one fixed line of plain words and single quotes, which bash, dash, zsh,
// fish and tcsh read alike; it becomes /bin/sh, which reads a script of known length from standard
// input. So neither side's process list shows an argument, a variable or input. What is left of
// standard input is the command's.
//
// The script says `begin` on both streams, runs, and says `end STATUS` on both: what a login shell
// prints before is nobody's, the command's own 255 is not ssh's, and what a grandchild that keeps
// the streams open says later is not waited for. The nonce, 32 hexadecimal digits, makes the two
// unlike anything else. It is in the shell's arguments, too, where `ending_script` finds it.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "os/lines.hpp"
#include "os/process.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

// The line for the login shell, and what standard input begins with.
struct Opening {
  std::string line;
  std::string header;
};
Opening session_opening(std::string_view script, std::string_view nonce, bool has_input);
// For a command that has the terminal, and standard input with it: `file` on the machine holds the
// script and is removed before that runs. Nothing is framed.
std::string terminal_line(const std::string& file);

// Variables, folder and argv as a script; the end may be one of `missing`, `forbidden`, `no_folder`
// instead of a number. A variable whose name no shell can set is an error.
Result<std::string> command_script(const Command& command);
// The same for a terminal: no words for what is missing, signals of the keyboard are the command's.
Result<std::string> terminal_script(const Command& command);
// SIGTERM to the process groups of the sessions whose arguments have `nonce`, SIGKILL two seconds
// later.
std::string ending_script(std::string_view nonce);

// Takes the bytes of a session and keeps what is between the marks.
class SessionOutput {
 public:
  // `on_bytes` takes the command's standard output as it comes, in place of all else; false: no
  // more.
  SessionOutput(std::string_view nonce, const std::function<void(std::string_view)>& on_line,
                bool keep_output, std::function<bool(std::string_view)> on_bytes = {});
  // False: both streams have ended, or one is too long.
  bool add(Stream stream, std::string_view bytes);
  // No more will come: what was held back is given out.
  void finish();

  bool begun() const { return side(Stream::error).begun; }
  // What the script said last: a number or a word. None: the session broke off.
  std::optional<std::string> end() const;
  bool too_long() const { return too_long_; }
  bool unwanted() const { return unwanted_; }  // on_bytes said so
  // Before `begun` all that was said: the login shell's and ssh's own words.
  std::string& text(Stream stream) { return side(stream).kept; }

 private:
  struct Side {
    std::string pending;  // not yet known to be text or mark
    std::string kept;
    std::string end;
    bool begun = false;
    bool ended = false;
    LineSplitter lines;
  };
  Side& side(Stream stream) { return sides_[stream == Stream::output ? 0 : 1]; }
  const Side& side(Stream stream) const { return sides_[stream == Stream::output ? 0 : 1]; }
  bool is_over() const { return too_long_ || unwanted_; }
  void give(Side& side, std::size_t count);

  std::string begin_mark_;
  std::string end_mark_;
  bool has_listener_;
  bool keep_output_;
  std::function<bool(std::string_view)> on_bytes_;
  bool too_long_ = false;
  bool unwanted_ = false;
  std::array<Side, 2> sides_;
};

}  // namespace carrel
