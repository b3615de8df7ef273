// What this computer keeps of each machine and launch on EC2, in private folders below state/ec2:
//
// - key/id, key/id.pub: the person's key on this computer.
// - calls: how many calls a second are left of those that AWS takes (aws/throttle.hpp).
// - launches/TOKEN: where a launch was asked for, written before the call.
// - machines/ID/machine: who logs in ("-": not known yet), when it was launched, with which token.
// - machines/ID/admitted: the network that was let in to it last.
// - machines/ID/known_hosts: its pinned host keys, under its id.
//
// Lost records cost a few questions to AWS; nothing else depends on them.
#pragma once

#include "base/error.hpp"
#include "os/clock.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

// "i-" and hexadecimal digits: nothing else is asked of AWS or made part of a path.
bool is_instance_id(std::string_view text);
// Up to 64 letters, digits, '-' and '_': EC2's client tokens, as far as they are file names.
bool is_launch_token(std::string_view text);

struct LaunchRecord {
  std::string place;  // Ec2Place as text
  std::string zone;   // may be empty
};

struct MachineRecord {
  std::string user;  // "": its image does not say, and the machine has not been asked yet
  WallTime launched;
  std::string token;
};

class Ec2Records {
 public:
  explicit Ec2Records(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder() const { return folder_; }

  Result<> begin_launch(const std::string& token, const LaunchRecord& launch) const;
  std::optional<LaunchRecord> launch(const std::string& token) const;
  Result<> forget_launch(const std::string& token) const;

  Result<> set_machine(const std::string& id, const MachineRecord& record) const;
  std::optional<MachineRecord> machine(const std::string& id) const;  // none: lost or damaged
  // With the record of its launch and its pinned keys.
  Result<> forget_machine(const std::string& id) const;

  std::string admitted(const std::string& id) const;  // "" when it is not known
  Result<> set_admitted(const std::string& id, const std::string& cidr) const;

  std::filesystem::path known_hosts(const std::string& id) const;
  bool has_host_keys(const std::string& id) const;
  std::vector<std::string> host_keys(const std::string& id) const;  // "ssh-ed25519 AAAA..."
  Result<> pin_host_keys(const std::string& id, const std::vector<std::string>& keys) const;

 private:
  std::filesystem::path machine_folder(const std::string& id) const;
  Result<> write(const std::filesystem::path& file, std::string_view text) const;

  std::filesystem::path folder_;
};

}  // namespace carrel
