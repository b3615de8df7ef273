#include "os/wait.hpp"

#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"

#include <chrono>
#include <poll.h>
#include <signal.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace carrel {
namespace {

const Wait at_once = Wait::at_most(Milliseconds(0));

TEST(wait, a_ready_descriptor_is_ready_even_when_the_deadline_is_over) {
  const Pipe pipe = *make_pipe();
  ASSERT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
  EXPECT_TRUE(wait_for(pipe.read_end.get(), POLLIN, at_once));
}

TEST(wait, the_deadline_ends_it) {
  const Pipe pipe = *make_pipe();
  const Instant start = SystemClock().now();
  const auto waited = wait_for(pipe.read_end.get(), POLLIN, Wait::at_most(Milliseconds(30)));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().reason, Reason::timed_out);
  EXPECT_GE(SystemClock().now() - start, Milliseconds(30));
}

TEST(wait, the_end_of_a_stream_is_something_to_read) {
  Pipe pipe = *make_pipe();
  pipe.write_end.close();
  EXPECT_TRUE(wait_for(pipe.read_end.get(), POLLIN, {}));
}

TEST(wait, a_closed_descriptor_is_an_error_and_no_endless_wait) {
  Pipe pipe = *make_pipe();
  const int number = pipe.read_end.get();
  pipe.read_end.close();
  const auto waited = wait_for(number, POLLIN, {});
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().reason, Reason::other);
}

TEST(wait, an_interrupt_from_another_thread_ends_it) {
  const Pipe pipe = *make_pipe();
  Interrupt interrupt;
  std::thread other([&interrupt] { interrupt.raise(); });
  const auto waited =
      wait_for(pipe.read_end.get(), POLLIN, {.deadline = {}, .interrupt = &interrupt});
  other.join();
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().reason, Reason::interrupted);
  EXPECT_EQ(waited.error().exit, Exit::interrupted);
}

TEST(wait, an_interrupt_wins_over_a_stream_that_never_pauses) {
  const Pipe pipe = *make_pipe();
  ASSERT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
  Interrupt interrupt;
  interrupt.raise();
  EXPECT_FALSE(wait_for(pipe.read_end.get(), POLLIN, {.deadline = {}, .interrupt = &interrupt}));
}

TEST(wait, sooner_takes_the_earlier_deadline) {
  const Wait hour = Wait::at_most(std::chrono::hours(1));
  EXPECT_LT(hour.sooner(Milliseconds(1)).deadline, hour.deadline);
  EXPECT_EQ(hour.sooner(std::chrono::hours(2)).deadline, hour.deadline);
  EXPECT_TRUE(Wait{}.sooner(Milliseconds(1)).deadline);
  EXPECT_FALSE(Wait::at_most(Milliseconds::max()).deadline);
}

TEST(interrupt, stays_raised_until_cleared) {
  Interrupt interrupt;
  EXPECT_FALSE(interrupt.raised());
  interrupt.raise();
  interrupt.raise();
  EXPECT_TRUE(interrupt.raised());
  EXPECT_TRUE(interrupt.raised());
  interrupt.clear();
  EXPECT_FALSE(interrupt.raised());
}

TEST(interrupt, raising_it_for_ever_does_not_block) {
  Interrupt interrupt;
  for (int i = 0; i < 100'000; ++i) interrupt.raise();
  interrupt.clear();
  EXPECT_FALSE(interrupt.raised());
}

TEST(interrupt, catches_signals_and_gives_them_back) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    {
      Interrupt interrupt;
      interrupt.catch_signals();
      ASSERT_EQ(::kill(::getpid(), signal), 0);
      EXPECT_TRUE(interrupt.raised()) << signal;
    }
    struct sigaction now{};
    ::sigaction(signal, nullptr, &now);
    EXPECT_EQ(now.sa_handler, SIG_DFL) << signal;
  }
}

TEST(interrupt, a_hangup_ignored_by_nohup_stays_ignored) {
  ::signal(SIGHUP, SIG_IGN);
  Interrupt interrupt;
  interrupt.catch_signals();
  ::kill(::getpid(), SIGHUP);
  EXPECT_FALSE(interrupt.raised());
  ::signal(SIGHUP, SIG_DFL);
}

}  // namespace
}  // namespace carrel
