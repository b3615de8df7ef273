#include "machine/user_data.hpp"

#include "machine/lifetime.hpp"
#include "unit/machine/shell_syntax.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

Json config_of(const std::string& text) {
  EXPECT_TRUE(text.starts_with("#cloud-config\n"));
  return Json::parse(text.substr(text.find('\n')));
}

TEST(user_data, is_small_and_begins_with_the_timers) {
  const auto text = user_data({.lifetime = 2h});
  EXPECT_LT(text.size(), 8000U) << "EC2 takes 16 KB before base64";
  const auto config = config_of(text);
  const auto& first = config.at("bootcmd").at(0);
  EXPECT_EQ(first.at(4), "7200");
  EXPECT_EQ(first.at(5), "300");
  const auto script = first.at(2).get<std::string>();
  EXPECT_NE(script.find("OnBootSec="), std::string::npos);
  EXPECT_NE(script.find("AccuracySec=1s"), std::string::npos);
  EXPECT_EQ(script.find("OnActiveSec"), std::string::npos) << "a daemon-reload sets it back";
  EXPECT_LT(script.find("unattended-upgrades.service"), script.find("systemctl daemon-reload"))
      << "masked before it can start";
  EXPECT_NE(config.at("bootcmd").at(1).dump().find("/dev/console"), std::string::npos);
}

TEST(user_data, never_lets_a_machine_live_for_ever) {
  EXPECT_EQ(config_of(user_data({.lifetime = 0s})).at("bootcmd").at(0).at(4), "1");
  EXPECT_EQ(config_of(user_data({.lifetime = -5s})).at("bootcmd").at(0).at(4), "1");
}

TEST(user_data, has_scripts_that_a_posix_shell_can_read) {
  const auto config = config_of(user_data({}));
  std::vector<std::string> scripts = {lifetime_script({.by = 1h}, 24h)};
  for (const auto& command : config.at("bootcmd")) {
    for (std::size_t i = 0; i + 1 < command.size(); ++i) {
      if (command.at(i) == "-c") scripts.push_back(command.at(i + 1));
    }
  }
  ASSERT_EQ(scripts.size(), 3U);
  for (const auto& script : scripts) expect_that_sh_reads(script);
}

}  // namespace
}  // namespace carrel
