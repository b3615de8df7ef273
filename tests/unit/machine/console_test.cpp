#include "machine/console.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

const std::string one = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk0";
const std::string two = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAA=";
const std::string begin = "-----BEGIN SSH HOST KEY KEYS-----\n";
const std::string end = "-----END SSH HOST KEY KEYS-----\n";
using Keys = std::vector<std::string>;

TEST(console, gives_the_keys_of_the_last_whole_block) {
  const struct {
    std::string console;
    Keys keys;
  } table[] = {
      {"", {}},
      {"Booting\n" + begin + one + " root@ip-10-0-0-1\n" + end, {one}},
      {begin + one + "\n" + two + "\n" + end + "more\n", {one, two}},
      {"\r\n" + begin + one + "\r\n" + end, {one}},
      {"[   12.0] cloud-init[711]: " + begin + one + "\n" + "ci-info: " + end, {one}},
      // not whole yet
      {begin + one + "\n", {}},
      {begin + "ssh-ed25519 AAAAC3Nza", {}},
      {one + "\n" + end, {}},
      {begin + end, {}},
      // a second boot shows its own; a piece of a third changes nothing
      {begin + one + "\n" + end + begin + two + "\n" + end, {two}},
      {begin + one + "\n" + end + begin + two + "\n", {one}},
      // what is no key spoils its block
      {begin + one + "\nlogin: \n" + end, {}},
      {begin + "@cert-authority * " + one + "\n" + end, {}},
      {begin + "ssh-ed25519 AAAA$(x)\n" + end, {}},
      {begin + "ssh-ed25519\n" + end, {}},
      {begin + "ssh-ed25519 " + std::string(5000, 'A') + "\n" + end, {}},
  };
  for (const auto& row : table) {
    EXPECT_EQ(host_keys_of_console(row.console), row.keys) << row.console;
  }
}

TEST(console, makes_a_known_hosts_line_for_each_key) {
  EXPECT_EQ(known_hosts("01jd", {one, two}), "01jd " + one + "\n01jd " + two + "\n");
  EXPECT_EQ(known_hosts("01jd", {}), "");
}

}  // namespace
}  // namespace carrel
