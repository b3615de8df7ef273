// A channel to a real sshd of the test's own.
#pragma once

#include "base/error.hpp"
#include "channel/ssh.hpp"
#include "channel/ssh_target.hpp"
#include "channel_contract.hpp"
#include "fakes/local_sshd.hpp"
#include "os/process.hpp"
#include "os/random.hpp"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace carrel {

class Ssh : public testing::Test {
 protected:
  std::unique_ptr<SshChannel> open(SshTarget target) {
    auto channel = SshChannel::open(processes_, random_, this_environment(), std::move(target));
    if (!channel) ADD_FAILURE() << channel.error().what << ": " << channel.error().why;
    return channel ? std::move(*channel) : nullptr;
  }
  // What a first command fails with.
  Error failure(const SshTarget& target) {
    const auto result = open(target)->run(shell("echo reached"), patience());
    if (!result) return result.error();
    ADD_FAILURE() << "it did not fail";
    return {};
  }
  Processes& processes() { return processes_; }
  Random& random() { return random_; }
  LocalSshd sshd;

 private:
  SystemProcesses processes_;
  SystemRandom random_;
};

}  // namespace carrel
