#include "os/terminal.hpp"

#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"
#include "os/wait.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>  // setenv, and W..., which it shares with <sys/wait.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace carrel {
namespace {

const Milliseconds patience = std::chrono::seconds(60);

// Code that runs in a process of its own, on a terminal whose other side is the test.
class OnTerminal {
 public:
  explicit OnTerminal(const std::function<int()>& body, int columns = 100) {
    winsize size{.ws_row = 24,
                 .ws_col = static_cast<unsigned short>(columns),
                 .ws_xpixel = 0,
                 .ws_ypixel = 0};
    int side = -1;
    pid_ = ::forkpty(&side, nullptr, nullptr, &size);
    if (pid_ == 0) ::_exit(body());
    side_ = Descriptor(side);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  OnTerminal(OnTerminal&&) = delete;
  OnTerminal& operator=(OnTerminal&&) = delete;
  ~OnTerminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      (void)status();
    }
  }

  // Reads the screen until it holds `text`.
  bool shows(std::string_view text) {
    while (!screen_.contains(text)) {
      std::array<char, 4096> buffer{};
      if (!wait_for(side_.get(), POLLIN, Wait::at_most(patience))) return false;
      const auto got = ::read(side_.get(), buffer.data(), buffer.size());
      if (got <= 0) return false;
      screen_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return true;
  }
  void type(std::string_view keys) { EXPECT_EQ(write_all(side_.get(), keys), 0); }
  bool echoes() const {
    termios attributes{};
    EXPECT_EQ(::tcgetattr(side_.get(), &attributes), 0);
    return (attributes.c_lflag & ECHO) != 0;
  }
  int status() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  const std::string& screen() const { return screen_; }

 private:
  pid_t pid_ = -1;
  Descriptor side_;
  std::string screen_;
};

TEST(terminal, knows_what_it_is_and_how_wide) {
  OnTerminal child(
      [] {
        const SystemTerminal terminal;
        ::unsetenv("NO_COLOR");
        ::setenv("TERM", "xterm", 1);
        const bool can = terminal.can_ask() && terminal.output_is_terminal() &&
                         terminal.error_is_terminal() && terminal.colours();
        ::setenv("TERM", "dumb", 1);
        const bool dumb = terminal.colours();
        ::setenv("TERM", "xterm", 1);
        ::setenv("NO_COLOR", "1", 1);
        const bool unwanted = terminal.colours();
        ::setenv("NO_COLOR", "", 1);
        return can && !dumb && !unwanted && terminal.colours() ? terminal.width() : 1;
      },
      123);
  EXPECT_EQ(child.status(), 123);
}

TEST(terminal, asks_and_reads_one_line) {
  OnTerminal child([] {
    SystemTerminal terminal;
    const auto first = terminal.ask("Name? ", {});
    const auto second = terminal.ask("More? ", {});
    return first == "ada lovelace" && second == "" ? 42 : 1;
  });
  ASSERT_TRUE(child.shows("Name? "));
  child.type("ada lovelace\n");
  ASSERT_TRUE(child.shows("More? "));
  child.type("\n");
  EXPECT_EQ(child.status(), 42);
}

TEST(terminal, the_end_of_input_is_no_answer) {
  OnTerminal child([] {
    const auto answer = SystemTerminal().ask("Name? ", {});
    return !answer && answer.error().exit == Exit::act ? 42 : 1;
  });
  ASSERT_TRUE(child.shows("Name? "));
  child.type("\x04");
  EXPECT_EQ(child.status(), 42);
}

TEST(terminal, a_secret_is_not_echoed_and_the_echo_comes_back) {
  OnTerminal child([] {
    SystemTerminal terminal;
    const auto secret = terminal.ask_secret("Password: ", {});
    const bool right = secret && secret->reveal() == "hunter2";
    return terminal.ask("Then? ", {}) && right ? 42 : 1;
  });
  ASSERT_TRUE(child.shows("Password: "));
  EXPECT_FALSE(child.echoes());
  child.type("hunter2\n");
  ASSERT_TRUE(child.shows("Then? "));
  EXPECT_TRUE(child.echoes());
  child.type("x\n");
  EXPECT_EQ(child.status(), 42);
  EXPECT_FALSE(child.screen().contains("hunter2"));
}

TEST(terminal, the_echo_comes_back_after_ctrl_c_and_a_deadline) {
  OnTerminal child([] {
    SystemTerminal terminal;
    Interrupt interrupt;
    interrupt.catch_signals();
    const auto secret =
        terminal.ask_secret("Password: ", {.deadline = {}, .interrupt = &interrupt});
    const auto late = terminal.ask_secret("Again: ", Wait::at_most(Milliseconds(1)));
    interrupt.clear();
    terminal.err("Done");
    // keeps the terminal open until it has been looked at
    const auto looked_at = wait_for(-1, 0, {.deadline = {}, .interrupt = &interrupt});
    return !looked_at && !secret && secret.error().reason == Reason::interrupted && !late &&
                   late.error().reason == Reason::timed_out
               ? 42
               : 1;
  });
  ASSERT_TRUE(child.shows("Password: "));
  EXPECT_FALSE(child.echoes());
  child.type("hun\x03");
  ASSERT_TRUE(child.shows("Done"));
  EXPECT_TRUE(child.echoes());
  child.type("\x03");
  EXPECT_EQ(child.status(), 42);
}

TEST(terminal, keys_that_end_the_program_do_not_while_the_echo_is_off) {
  OnTerminal child([] {
    const auto secret = SystemTerminal().ask_secret("Password: ", {});
    return secret && secret->reveal() == "a\x1c\x1a" ? 42 : 1;
  });
  ASSERT_TRUE(child.shows("Password: "));
  child.type("a\x1c\x1a\n");
  EXPECT_EQ(child.status(), 42);
}

// In a process of its own without a terminal, `body`'s standard output going to `output`.
int detached(int output, const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setsid();
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, 0);
    ::dup2(output, 1);
    ::dup2(null, 2);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(terminal, without_one_nobody_can_be_asked) {
  EXPECT_EQ(detached(1,
                     [] {
                       SystemTerminal terminal;
                       const auto answer = terminal.ask("?", {});
                       const auto secret = terminal.ask_secret("?", {});
                       return !terminal.can_ask() && terminal.width() == 80 && !answer && !secret &&
                                      answer.error().exit == Exit::act
                                  ? 42
                                  : 1;
                     }),
            42);
}

TEST(terminal, a_reader_that_has_gone_ends_the_program_quietly) {
  Pipe pipe = *make_pipe();
  pipe.read_end.close();
  EXPECT_EQ(detached(pipe.write_end.get(),
                     [] {
                       SystemTerminal().out("table\n");
                       return 42;
                     }),
            0);
}

TEST(terminal, a_full_disk_under_standard_output_is_a_failure) {
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  EXPECT_EQ(detached(full.get(),
                     [] {
                       SystemTerminal().out("table\n");
                       return 42;
                     }),
            1);
}

TEST(terminal, output_is_whole_on_a_pipe_that_does_not_block) {
  Pipe pipe = *make_pipe();
  ::fcntl(pipe.write_end.get(), F_SETFL, O_NONBLOCK);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(pipe.write_end.get(), 1);
    pipe.write_end.close();
    SystemTerminal().out(std::string(1'000'000, 'x'));
    ::_exit(0);
  }
  pipe.write_end.close();
  EXPECT_EQ(read_all(pipe.read_end.get(), "the pipe")->size(), 1'000'000U);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace carrel
