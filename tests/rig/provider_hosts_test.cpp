#include "base/error.hpp"
#include "channel/channel.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "rig/on_rig.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

TEST_F(WithHosts, a_machine_is_launched_verified_reached_stopped_and_reached_again_elsewhere) {
  const auto machine = make("token-a");
  const auto first = until(machine, MachineState::running);
  Command id;
  id.argv = {"id", "-un"};
  {
    const auto channel = must(provider->channel(machine, patience()));
    const auto said = must(channel->run(id, patience()));
    EXPECT_EQ(said.output, "ubuntu\n") << said.error;
    id.argv = {"sh", "-c", "sudo journalctl -t sshd | grep -c 'publickey for root'"};
    EXPECT_EQ(must(channel->run(id, patience())).output, "0\n") << "its image says who logs in";
    id.argv = {"sudo", "-n", "systemctl", "show", "-P", "TimersMonotonic", "carrel-lifetime.timer"};
    EXPECT_TRUE(must(channel->run(id, patience())).output.contains("OnBootUSec=12h"));
  }
  must(provider->stop(machine, StopHow::gracefully, patience()));
  EXPECT_GT(until(machine, MachineState::stopped).cost_per_day.micro_usd, 0);
  const auto asked_consoles = std::ranges::count(calls(), "GetConsoleOutput");
  EXPECT_GE(asked_consoles, 1);

  provider = subject.open();
  must(provider->start(machine, patience()));
  const auto second = until(machine, MachineState::running);
  EXPECT_NE(first.addresses, second.addresses);
  {
    const auto channel = must(provider->channel(machine, patience()));
    id.argv = {"id", "-un"};
    EXPECT_EQ(must(channel->run(id, patience())).output, "ubuntu\n");
  }
  EXPECT_EQ(std::ranges::count(calls(), "GetConsoleOutput"), asked_consoles)
      << "its keys were pinned";

  must(provider->remove(machine, Keep::nothing, patience()));
  until(machine, MachineState::gone);
  EXPECT_FALSE(std::filesystem::exists(subject.paths().state / "ec2/machines" / machine.ref));
  EXPECT_TRUE(std::filesystem::exists(subject.paths().state / "ec2/key/id"));
}

TEST_F(WithHosts, who_logs_in_where_the_image_does_not_say_is_asked_of_the_machine_once) {
  const auto machine = make("token-a", {.type = "g4dn.xlarge", .image = "my-course-2026"});
  until(machine, MachineState::running);
  EXPECT_FALSE(provider->way(machine));
  Command id;
  id.argv = {"id", "-un"};
  EXPECT_EQ(must(must(provider->channel(machine, patience()))->run(id, patience())).output,
            "student\n");
  ASSERT_TRUE(provider->way(machine));
  EXPECT_EQ(provider->way(machine)->user, "student");
  const auto logins = [&](const std::string& of) {
    id.argv = {"sh", "-c", "sudo journalctl -t sshd | grep -c 'Accepted publickey for " + of + "'"};
    return must(must(provider->channel(machine, patience()))->run(id, patience())).output;
  };
  EXPECT_EQ(logins("root"), "1\n");
  // With a lost record it is asked again.
  std::filesystem::remove(subject.paths().state / "ec2/machines" / machine.ref / "machine");
  EXPECT_EQ(logins("root"), "2\n");
  EXPECT_EQ(provider->way(machine)->user, "student");
}

TEST_F(OnRig, a_console_without_host_keys_is_never_connected_to) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  set({{"console", {{"withhold", true}}}});
  const auto channel = provider->channel(machine, Wait::at_most(std::chrono::seconds(1)));
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().reason, Reason::unverified);
  EXPECT_EQ(channel.error().exit, Exit::act);
  EXPECT_TRUE(channel.error().hint.contains("costs $0.53 an hour")) << text_of(channel.error());
  EXPECT_FALSE(std::filesystem::exists(subject.paths().state / "ec2/machines" / machine.ref /
                                       "known_hosts"));
}

TEST_F(OnRig, a_machine_that_ssh_does_not_reach_is_told_with_the_end_of_its_console) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  const auto channel = provider->channel(machine, Wait::at_most(std::chrono::seconds(2)));
  ASSERT_FALSE(channel);
  EXPECT_TRUE(channel.error().why.contains("its console ends with:\n")) << text_of(channel.error());
  EXPECT_TRUE(channel.error().why.contains("-----END SSH HOST KEY KEYS-----"));
}

TEST_F(OnRig, a_port_that_was_opened_moves_with_this_computer_until_it_is_closed) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  using Notes = std::vector<std::string>;
  provider->notes();
  must(provider->open_port(machine, 8888, patience()));
  EXPECT_EQ(provider->notes(), Notes{"port 8888 is open to 127.0.0.1/32"});
  must(provider->open_port(machine, 8888, patience()));
  EXPECT_EQ(provider->notes(), Notes{});
  set({{"caller", "203.0.113.9"}, {"console", {{"withhold", true}}}});
  EXPECT_FALSE(provider->channel(machine, Wait::at_most(std::chrono::seconds(1))));
  EXPECT_EQ(provider->notes(), Notes{"ssh and port 8888 are open to 203.0.113.9/32 now, and closed "
                                     "to 127.0.0.1/32"});
  must(provider->close_port(machine, 8888, patience()));
  EXPECT_EQ(provider->notes(), Notes{"port 8888 is closed to 203.0.113.9/32"});
  must(provider->close_port(machine, 8888, patience()));
  EXPECT_EQ(provider->notes(), Notes{});
}

TEST_F(WithHosts, where_only_silence_answers_the_present_address_is_let_in) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  EXPECT_TRUE(must(provider->channel(machine, patience())));
  set({{"caller", "203.0.113.9"}});
  must(subject.control("host", Json{{"id", machine.ref}, {"do", "pull"}}.dump()));
  const auto asked = Json::parse(must(subject.control("log", ""))).size();
  const auto channel = provider->channel(machine, Wait::at_most(std::chrono::seconds(20)));
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().reason, Reason::unreachable) << text_of(channel.error());
  std::vector<std::string> opened;
  for (const auto& entry :
       Json::parse(must(subject.control("log?since=" + std::to_string(asked), "")))) {
    if (entry.at("action") == "AuthorizeSecurityGroupIngress") opened.push_back(entry.dump());
  }
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_TRUE(opened[0].contains("203.0.113.9/32")) << opened[0];
}

TEST_F(WithHosts, a_machine_with_other_host_keys_than_its_console_showed_is_not_spoken_to) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  set({{"console", {{"falsify", true}}}});
  const auto channel = provider->channel(machine, patience());
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().reason, Reason::unverified) << text_of(channel.error());
}

}  // namespace
}  // namespace carrel
