#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel_contract.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

// A process that the machine has, in a session of its own: its pid is in the first line it writes.
class Started {
 public:
  Started(Channel& channel, const fs::path& folder, const std::string& script, Environment marks) {
    Command command = shell("setsid sh -c '" + script + "' >\"$OUT\" 2>/dev/null </dev/null &");
    marks["OUT"] = (folder / "started").string();
    command.environment = marks;
    EXPECT_TRUE(channel.run(command, patience()));
    EXPECT_TRUE(becomes_true([&] {
      const auto text = read_file(folder / "started");
      if (!text || !text->ends_with("ready\n")) return false;
      for (const auto& word : split(*text, '\n')) {
        if (!word.empty() && word != "ready") {
          const pid_t pid = std::stoi(word);
          ids_.push_back({pid, start_ticks(pid).value_or(0), boot_id()});
        }
      }
      return true;
    }));
    fs::remove(folder / "started");
  }
  ~Started() {
    for (const auto& id : ids_) signal_process(id, SIGKILL);
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  Started(Started&&) = delete;
  Started& operator=(Started&&) = delete;
  const ProcessId& operator[](std::size_t i) const { return ids_.at(i); }

 private:
  std::vector<ProcessId> ids_;
};

constexpr std::string_view mark = "CARREL_TEST_CONTRACT";
std::string value_of(std::string_view what) {
  return fmt::format("{} {}", what, ::getpid());
}

TEST_P(ChannelContract, knows_a_process_by_more_than_its_number) {
  const Started sleeping(channel(), root(), "echo $$; echo ready; exec sleep 600", {});
  EXPECT_EQ(channel().alive(sleeping[0], patience()), true);
  auto later = sleeping[0];
  ++later.start_ticks;
  auto before_the_reboot = sleeping[0];
  before_the_reboot.boot_id = "another boot";
  for (const auto& other : {later, before_the_reboot}) {
    EXPECT_EQ(channel().alive(other, patience()), false);
    EXPECT_TRUE(channel().end(other, mark, value_of("nobody"), Milliseconds(0), patience()));
  }
  EXPECT_EQ(channel().alive(sleeping[0], patience()), true) << "a reused number is never killed";
}

TEST_P(ChannelContract, asks_a_process_to_end_before_it_kills) {
  const Started polite(channel(), root(),
                       "trap \"echo bye >" + (root() / "bye").string() +
                           "; exit\" TERM; echo $$; echo ready; while :; do sleep 0.01; done",
                       {});
  ASSERT_TRUE(channel().end(polite[0], mark, value_of("polite"), Milliseconds(20'000), patience()));
  EXPECT_EQ(channel().alive(polite[0], patience()), false);
  EXPECT_TRUE(fs::exists(root() / "bye"));
}

TEST_P(ChannelContract, kills_what_does_not_end_when_asked_also_without_the_mark) {
  const Started deaf(channel(), root(),
                     "trap \"\" TERM; echo $$; echo ready; while :; do sleep 0.01; done", {});
  ASSERT_TRUE(channel().end(deaf[0], mark, value_of("deaf"), Milliseconds(100), patience()));
  EXPECT_EQ(channel().alive(deaf[0], patience()), false);
}

TEST_P(ChannelContract, kills_what_carries_the_mark_and_its_descendants_without_it) {
  const auto value = value_of("family\nwith two lines");
  const Started family(channel(), root(),
                       "trap \"\" TERM HUP; echo $$; env -i sleep 600 & echo $!; echo ready; wait",
                       {{std::string(mark), value}});
  const Started like_it(
      channel(), root(), "echo $$; echo ready; exec sleep 600",
      {{std::string(mark), value + "2"}, {"OTHER", "\n" + std::string(mark) + "=" + value + "\n"}});
  const Started below(channel(), root(),
                      "echo $$; " + std::string(mark) + "=another sleep 600 & echo $!; " +
                          "until grep -qz =another /proc/$!/environ; do :; done; echo ready; wait",
                      {{std::string(mark), value}});
  ASSERT_TRUE(channel().end(std::nullopt, mark, value, Milliseconds(0), patience()));
  EXPECT_EQ(channel().alive(family[0], patience()), false);
  EXPECT_EQ(channel().alive(family[1], patience()), false);
  EXPECT_EQ(channel().alive(below[0], patience()), false);
  EXPECT_EQ(channel().alive(below[1], patience()), true) << "it has a mark of its own";
  EXPECT_EQ(channel().alive(like_it[0], patience()), true) << "another mark that begins like it";
  EXPECT_TRUE(channel().end(family[0], mark, value, Milliseconds(0), patience())) << "gone already";
}

TEST_P(ChannelContract, stops_waiting_politely_at_ctrl_c) {
  const Started deaf(channel(), root(),
                     "trap \"\" TERM; echo $$; echo ready; while :; do sleep 0.01; done", {});
  Interrupt interrupt;
  interrupt.raise();
  Wait wait = patience();
  wait.interrupt = &interrupt;
  const auto ended = channel().end(deaf[0], mark, value_of("ctrl-c"), Milliseconds(60'000), wait);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, Reason::interrupted);
}

}  // namespace
}  // namespace carrel
