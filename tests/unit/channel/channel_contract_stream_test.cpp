// Two commands as one pipeline, one of them on this computer.
#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel/direct.hpp"
#include "channel/stream.hpp"
#include "channel_contract.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace carrel {
namespace {

class StreamContract : public ChannelContract {
 protected:
  std::string many_bytes() {
    std::string bytes;
    for (std::size_t i = 0; i < 5'000'000; ++i) bytes += static_cast<char>(i * i % 251);
    EXPECT_TRUE(write_file(root() / "source", bytes, 0600));
    return bytes;
  }
  Command reading() { return command({"cat", "--", (root() / "source").string()}); }
  Command writing() {
    return command({"sh", "-c", "cat >\"$1\"; echo done", "sh", (root() / "sink").string()});
  }
  DirectChannel& here() { return here_; }

 private:
  SystemProcesses processes_;
  DirectChannel here_{processes_, this_environment()};
};

TEST_P(StreamContract, carries_any_bytes_there_whole) {
  const auto bytes = many_bytes();
  std::size_t moved = 0;
  const auto done = stream(
      here(), reading(), channel(), writing(), [&](std::size_t count) { moved += count; },
      patience());
  ASSERT_TRUE(done) << done.error().what << done.error().why;
  EXPECT_EQ(done->source.status, 0);
  EXPECT_EQ(done->sink.output, "done\n");
  EXPECT_EQ(moved, bytes.size());
  EXPECT_TRUE(read_file(root() / "sink") == bytes);
}

TEST_P(StreamContract, carries_any_bytes_back_whole) {
  const auto bytes = many_bytes();
  const auto done = stream(channel(), reading(), here(), writing(), {}, patience());
  ASSERT_TRUE(done) << done.error().what << done.error().why;
  EXPECT_TRUE(read_file(root() / "sink") == bytes);
}

TEST_P(StreamContract, carries_nothing_of_an_empty_source) {
  ASSERT_TRUE(stream(channel(), command({"true"}), here(), writing(), {}, patience()));
  EXPECT_EQ(read_file(root() / "sink"), "");
  ASSERT_TRUE(stream(here(), command({"true"}), channel(), writing(), {}, patience()));
  EXPECT_EQ(read_file(root() / "sink"), "");
}

TEST_P(StreamContract, ends_with_a_sink_that_wants_no_more) {
  const auto endless = command({"sh", "-c", "while :; do echo 0123456789; done"});
  const auto stubborn = command({"sh", "-c", "head -c 10 >/dev/null; echo full >&2; exit 3"});
  for (const bool back : {false, true}) {
    const auto done = back ? stream(channel(), endless, here(), stubborn, {}, patience())
                           : stream(here(), endless, channel(), stubborn, {}, patience());
    ASSERT_TRUE(done) << done.error().what << done.error().why;
    EXPECT_EQ(done->sink.status, 3);
    EXPECT_EQ(done->sink.error, "full\n");
  }
}

TEST_P(StreamContract, tells_how_the_source_ended_and_what_it_said) {
  const auto failing = command({"sh", "-c", "echo some; echo broken >&2; exit 4"});
  for (const bool back : {false, true}) {
    const auto done = back ? stream(channel(), failing, here(), writing(), {}, patience())
                           : stream(here(), failing, channel(), writing(), {}, patience());
    ASSERT_TRUE(done);
    EXPECT_EQ(done->source.status, 4);
    EXPECT_EQ(done->source.error, "broken\n");
  }
}

TEST_P(StreamContract, a_program_that_is_missing_is_not_found_on_either_side) {
  const auto none = command({"carrel-no-such-program"});
  EXPECT_EQ(stream(channel(), none, here(), writing(), {}, patience()).error().reason,
            Reason::not_found);
  EXPECT_EQ(stream(here(), command({"true"}), channel(), none, {}, patience()).error().reason,
            Reason::not_found);
}

TEST_P(StreamContract, ends_both_when_interrupted) {
  Interrupt interrupt;
  Wait wait = patience();
  wait.interrupt = &interrupt;
  const auto done = stream(
      channel(), command({"sh", "-c", "echo begun; exec sleep 600"}), here(), writing(),
      [&](std::size_t) { interrupt.raise(); }, wait);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, Reason::interrupted);
}

INSTANTIATE_TEST_SUITE_P(Channels, StreamContract,
                         testing::Values(Kind{"here", "here"}, Kind{"ssh", ""}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace carrel
