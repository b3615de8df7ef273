// The file that the person's own ssh includes, and the line that includes it.
#include "workspace/ssh_config.hpp"

#include "channel/ssh_target.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "unit/workspace/fixture.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

class SshConfigTest : public WorldTest {
 protected:
  SshConfigTest() { world.proxy_program = {"/opt/the programs/carrel", "ssh-proxy"}; }
  WorkspaceRow on(std::string_view name, const std::string& ref) {
    const auto row = added(name);
    auto journal = open_journal();
    const auto machine = journal.add_machine(row.id, ref, "fake").value();
    if (ref != "unverified") {
      place.ways[ref] = {.user = "ubuntu",
                         .identity = "/keys/100% id",
                         .known_hosts = "/keys/known_hosts",
                         .host_key_alias = ref};
    }
    EXPECT_TRUE(journal.set_machine(row.id, machine.sequence,
                                    {.provider = "fake", .place = "memory", .ref = ref}));
    return row;
  }
  std::string written() {
    auto journal = open_journal();
    EXPECT_TRUE(write_ssh_config(world, journal));
    return read_file(ssh_config_of(world.paths)).value();
  }
  fs::path home() const { return folder.path() / "home"; }
  fs::path own() const { return home() / ".ssh/config"; }
  static mode_t mode_of(const fs::path& file) {
    struct stat status{};
    EXPECT_EQ(::lstat(file.c_str(), &status), 0);
    return status.st_mode & 07777U;
  }
};

// What OpenSSH itself makes of it.
TEST_F(SshConfigTest, is_read_by_ssh_as_it_was_meant) {
  const auto row = on("digits", "i-1");
  written();
  for (const auto* name : {"carrel-digits", "digits.carrel"}) {
    const auto read = SystemProcesses().run(
        {.argv = {"ssh", "-G", "-F", ssh_config_of(world.paths).string(), name},
         .environment = this_environment()},
        Wait::at_most(std::chrono::seconds(20)));
    ASSERT_TRUE(read);
    const std::vector<std::string> lines = {
        "user ubuntu",
        "hostkeyalias i-1",
        "stricthostkeychecking true",
        "identityfile /keys/100%% id",
        "userknownhostsfile /keys/known_hosts",
        "proxycommand '/opt/the programs/carrel' ssh-proxy " + row.id.text()};
    for (const auto& line : lines) {
      EXPECT_TRUE(read->output.contains(line)) << line << "\n" << read->output << read->error;
    }
  }
  EXPECT_EQ(mode_of(ssh_config_of(world.paths)), 0600U);
}

TEST_F(SshConfigTest, has_no_machine_that_is_not_verified) {
  on("digits", "i-1");
  on("other", "unverified");
  added("without-machine");
  const auto text = written();
  EXPECT_TRUE(text.contains("carrel-digits"));
  EXPECT_FALSE(text.contains("other"));
  EXPECT_FALSE(text.contains("without"));
}

TEST_F(SshConfigTest, forgets_a_machine_with_its_workspace) {
  const auto row = on("digits", "i-1");
  written();
  ASSERT_TRUE(open_journal().forget(row.id));
  EXPECT_FALSE(written().contains("digits"));
}

TEST_F(SshConfigTest, is_included_before_all_others_and_taken_out_again) {
  fs::create_directories(home() / ".ssh");
  const std::string before = "Host *\n  Compression yes";
  ASSERT_TRUE(write_file(own(), before, 0640));
  EXPECT_TRUE(install_ssh_config(home(), world.paths).value());
  const auto text = read_file(own()).value();
  EXPECT_EQ(text, "Include \"" + ssh_config_of(world.paths).string() + "\"\n" + before);
  EXPECT_EQ(mode_of(own()), 0640U);
  EXPECT_FALSE(install_ssh_config(home(), world.paths).value()) << "once is enough";
  EXPECT_EQ(read_file(own()).value(), text);
  EXPECT_TRUE(uninstall_ssh_config(home(), world.paths).value());
  EXPECT_EQ(read_file(own()).value(), before);
  EXPECT_FALSE(uninstall_ssh_config(home(), world.paths).value());
}

TEST_F(SshConfigTest, is_included_where_there_is_no_configuration_yet) {
  fs::create_directories(home());
  EXPECT_TRUE(install_ssh_config(home(), world.paths).value());
  EXPECT_EQ(mode_of(own()), 0600U);
  EXPECT_EQ(mode_of(home() / ".ssh"), 0700U);
  EXPECT_TRUE(uninstall_ssh_config(home(), world.paths).value());
  EXPECT_FALSE(fs::exists(own()));
}

TEST_F(SshConfigTest, leaves_a_link_to_a_configuration_that_lies_elsewhere) {
  fs::create_directories(home() / ".ssh");
  ASSERT_TRUE(write_file(home() / "dotfile", "Host *\n", 0600));
  fs::create_symlink("../dotfile", own());
  EXPECT_TRUE(install_ssh_config(home(), world.paths).value());
  EXPECT_TRUE(fs::is_symlink(own()));
  EXPECT_TRUE(read_file(home() / "dotfile").value().starts_with("Include "));
}

}  // namespace
}  // namespace carrel
