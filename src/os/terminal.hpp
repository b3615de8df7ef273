// The person's terminal: what it can do, its width, a question, a password without echo. A fake
// with a screen is in tests/fakes.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "os/wait.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace carrel {

class Terminal {
 public:
  virtual ~Terminal() = default;
  virtual bool output_is_terminal() const = 0;  // standard output
  virtual bool error_is_terminal() const = 0;   // standard error: progress goes there
  virtual bool can_ask() const = 0;             // standard input and error are a terminal
  virtual bool colours()
      const = 0;  // NO_COLOR unset or empty, TERM not dumb; ask also which one is a terminal
  virtual int width() const = 0;  // columns, 80 if unknown
  virtual void out(
      std::string_view text) = 0;  // standard output, whole; a closed pipe ends the program quietly
  virtual void err(std::string_view text) = 0;
  virtual Result<std::string> ask(std::string_view question, const Wait& wait) = 0;
  virtual Result<Secret> ask_secret(std::string_view question,
                                    const Wait& wait) = 0;  // echo is restored on every way out
  virtual Result<std::string> read_input() = 0;             // all of standard input
};

class SystemTerminal final : public Terminal {
 public:
  bool output_is_terminal() const override;
  bool error_is_terminal() const override;
  bool can_ask() const override;
  bool colours() const override;
  int width() const override;
  void out(std::string_view text) override;
  void err(std::string_view text) override;
  Result<std::string> ask(std::string_view question, const Wait& wait) override;
  Result<Secret> ask_secret(std::string_view question, const Wait& wait) override;
  Result<std::string> read_input() override;
};

}  // namespace carrel
