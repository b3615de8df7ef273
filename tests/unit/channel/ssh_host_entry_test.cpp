// An entry for the person's own ssh, as OpenSSH takes it against a real sshd.
#include "channel/ssh_target.hpp"
#include "fakes/local_sshd.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

class SshHostEntry : public ::testing::Test {
 protected:
  // The entry with this key as the machine's pinned one.
  void write_entry(const std::string& key) const {
    auto target = sshd.target();
    target.host_key_alias = "machine-1";
    target.known_hosts = sshd.file("pinned hosts");
    ASSERT_TRUE(
        write_file(target.known_hosts, "machine-1 " + *read_file(sshd.file(key + ".pub")), 0600));
    const auto carry =
        fmt::format("exec 3<>/dev/tcp/127.0.0.1/{}; cat <&3 & exec cat >&3", sshd.target().port);
    const auto entry =
        ssh_host_entry(target, {"carrel-digits", "digits.carrel"}, {"bash", "-c", carry});
    ASSERT_TRUE(entry) << entry.error().what;
    ASSERT_TRUE(write_file(sshd.file("entry"), *entry, 0600));
  }
  ProcessResult ssh(const std::string& name, const std::string& command) const {
    return SystemProcesses()
        .run({.argv = {"ssh", "-F", sshd.file("entry").string(), "-o", "BatchMode=yes", name,
                       command},
              .environment = this_environment()},
             Wait::at_most(std::chrono::seconds(30)))
        .value();
  }
  LocalSshd sshd;
};

TEST_F(SshHostEntry, leads_to_the_machine_by_each_of_its_names) {
  write_entry("host");
  for (const auto* name : {"carrel-digits", "digits.carrel"}) {
    const auto ran = ssh(name, "echo there; exit 7");
    EXPECT_EQ(ran.status, 7) << ran.error;
    EXPECT_EQ(ran.output, "there\n");
  }
}

TEST_F(SshHostEntry, leads_to_no_machine_with_another_key) {
  write_entry("stranger");
  const auto mark = sshd.file("was-here");
  const auto ran = ssh("carrel-digits", "touch " + mark.string());
  EXPECT_EQ(ran.status, 255);
  EXPECT_TRUE(ran.error.contains("verification failed")) << ran.error;
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST_F(SshHostEntry, refuses_what_a_configuration_cannot_hold) {
  auto target = sshd.target();
  target.host_key_alias = "machine-1";
  EXPECT_TRUE(ssh_host_entry(target, {"a"}, {"carrel"}));
  EXPECT_FALSE(ssh_host_entry(target, {"a\n  ProxyCommand evil"}, {"carrel"}));
  EXPECT_FALSE(ssh_host_entry(target, {"a *"}, {"carrel"}));
  EXPECT_FALSE(ssh_host_entry(target, {"a"}, {"car\nrel"}));
  target.user = "u v";
  EXPECT_FALSE(ssh_host_entry(target, {"a"}, {"carrel"}));
}

}  // namespace
}  // namespace carrel
