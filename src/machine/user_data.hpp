// What a new machine is told at its birth: cloud-init's user data (cloud-config), under EC2's 16 KB
// and without a secret (every process on the machine can read it).
//
// Its first acts, at every boot, are two timers: after the lifetime the machine powers itself off,
// and five minutes later it is powered off by force. They are files with OnBootSec=: a
// daemon-reload, which every package installation does, sets OnActiveSec= and transient timers back
// to their full length, and leaves these alone. Then, at the first boot of each machine, its host
// keys are made and shown on the console, where the provider lets their owner read them before
// anything is said over ssh.
#pragma once

#include <chrono>
#include <string>

namespace carrel {

struct FirstBoot {
  std::chrono::seconds lifetime = std::chrono::hours(12);  // from each start; at least a minute
  std::chrono::seconds grace = std::chrono::minutes(5);    // until the power is cut by force
};
std::string user_data(const FirstBoot& first_boot);

}  // namespace carrel
