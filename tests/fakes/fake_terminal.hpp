// A terminal with a screen that a test reads and a person who answers from a list. By default a
// real terminal of 80 columns without colours. Nobody left to answer: Reason::refused, Exit::act,
// as when standard input has ended.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "os/terminal.hpp"
#include "os/wait.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

class FakeTerminal final : public Terminal {
 public:
  // What it can do: set before use.
  bool out_terminal = true;
  bool err_terminal = true;
  bool asks = true;
  bool has_colours = false;
  int columns = 80;
  std::deque<std::string> answers;  // to ask and ask_secret, in order
  std::string input;                // all of standard input

  // What has happened.
  std::string out_text;
  std::string err_text;
  std::string screen;  // both, in the order in which they came, and the answers that are echoed
  std::vector<std::string> questions;  // of both kinds

  bool output_is_terminal() const override { return out_terminal; }
  bool error_is_terminal() const override { return err_terminal; }
  bool can_ask() const override { return asks; }
  bool colours() const override { return has_colours; }
  int width() const override { return columns; }
  void out(std::string_view text) override {
    out_text += text;
    screen += text;
  }
  void err(std::string_view text) override {
    err_text += text;
    screen += text;
  }
  Result<std::string> ask(std::string_view question, const Wait& wait) override {
    std::string answer = TRY(next_answer(question, wait));
    screen += answer + "\n";
    return answer;
  }
  Result<Secret> ask_secret(std::string_view question, const Wait& wait) override {
    std::string answer = TRY(next_answer(question, wait));
    screen += "\n";
    return Secret(std::move(answer));
  }
  Result<std::string> read_input() override { return std::exchange(input, {}); }

 private:
  Result<std::string> next_answer(std::string_view question, const Wait& wait) {
    questions.emplace_back(question);
    err(question);
    if (wait.interrupt != nullptr && wait.interrupt->raised()) {
      return fail({.what = "interrupted",
                   .why = {},
                   .hint = {},
                   .exit = Exit::interrupted,
                   .reason = Reason::interrupted,
                   .trace = {}});
    }
    if (!asks || answers.empty()) {
      return fail({.what = "there was no answer",
                   .why = {},
                   .hint = {},
                   .exit = Exit::act,
                   .reason = Reason::refused,
                   .trace = {}});
    }
    std::string answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
};

}  // namespace carrel
