// What channel.hpp promises, asked of every channel: directly, and through a real sshd. The tests
// are in channel_contract_*_test.cpp.
#pragma once

#include "channel/channel.hpp"
#include "channel/direct.hpp"
#include "channel/ssh.hpp"
#include "fakes/local_sshd.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {

namespace fs = std::filesystem;

inline constexpr auto minute = std::chrono::seconds(60);

inline Command command(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  return command;
}
inline Command shell(std::string script) {
  return command({"sh", "-c", std::move(script)});
}
inline Wait patience() {
  return Wait::at_most(minute);
}
// Polls: a condition of another process has no descriptor.
template <class Condition>
bool becomes_true(Condition condition) {
  for (const auto until = SystemClock().now() + minute; SystemClock().now() < until;) {
    if (condition()) return true;
    std::this_thread::sleep_for(Milliseconds(5));
  }
  return false;
}
inline unsigned mode_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777U;
}

class Machine {
 public:
  virtual ~Machine() = default;
  virtual Channel& channel() = 0;
};

class Here final : public Machine {
 public:
  Channel& channel() override { return channel_; }

 private:
  SystemProcesses processes_;
  DirectChannel channel_{processes_, this_environment()};
};

class There final : public Machine {
 public:
  explicit There(const std::string& login_shell) : sshd_(login_shell) {
    auto opened = SshChannel::open(processes_, random_, this_environment(), sshd_.target());
    if (opened) {
      channel_ = std::move(*opened);
    } else {
      ADD_FAILURE() << opened.error().what << ": " << opened.error().why;
    }
  }
  Channel& channel() override { return *channel_; }

 private:
  SystemProcesses processes_;
  SystemRandom random_;
  LocalSshd sshd_;
  std::unique_ptr<SshChannel> channel_;
};

struct Kind {
  std::string name;
  std::string login_shell;  // "here": no ssh at all
};

// One machine a kind for all its tests: a connection is what they share in real life, too.
class ChannelContract : public testing::TestWithParam<Kind> {
 protected:
  static void TearDownTestSuite() { machines().clear(); }
  Channel& channel() {
    auto& machine = machines()[GetParam().name];
    if (machine == nullptr) {
      if (GetParam().login_shell == "here") {
        machine = std::make_unique<Here>();
      } else {
        machine = std::make_unique<There>(GetParam().login_shell);
      }
    }
    return machine->channel();
  }
  const fs::path& root() const { return folder_.path(); }
  ProcessResult run(const Command& command) {
    auto result = channel().run(command, patience());
    if (!result) {
      ADD_FAILURE() << result.error().what << ": " << result.error().why;
      return {.status = -1, .output = {}, .error = {}};
    }
    return std::move(*result);
  }

 private:
  static std::map<std::string, std::unique_ptr<Machine>>& machines() {
    static std::map<std::string, std::unique_ptr<Machine>> all;
    return all;
  }
  TemporaryFolder folder_;
};

}  // namespace carrel
