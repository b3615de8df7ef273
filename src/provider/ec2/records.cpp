#include "provider/ec2/records.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "machine/console.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view nobody_yet = "-";
constexpr std::size_t longest_id = 40;
constexpr std::size_t longest_token = 64;

bool is_one_of(char c, std::string_view more) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         more.contains(c);
}

}  // namespace

bool is_instance_id(std::string_view text) {
  return text.starts_with("i-") && text.size() > 2 && text.size() <= longest_id &&
         text.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
}

bool is_launch_token(std::string_view text) {
  return !text.empty() && text.size() <= longest_token &&
         std::ranges::all_of(text, [](char c) { return is_one_of(c, "-_"); });
}

Result<> Ec2Records::write(const std::filesystem::path& file, std::string_view text) const {
  TRY(make_private_folder(folder_));
  TRY(make_private_folder(file.parent_path().parent_path()));
  TRY(make_private_folder(file.parent_path()));
  return write_file(file, text, 0600);
}

Result<> Ec2Records::begin_launch(const std::string& token, const LaunchRecord& launch) const {
  return write(folder_ / "launches" / token, launch.place + "\n" + launch.zone + "\n");
}

std::optional<LaunchRecord> Ec2Records::launch(const std::string& token) const {
  const auto text = read_file(folder_ / "launches" / token);
  if (!text) return std::nullopt;
  const auto parts = lines_of(*text);
  if (parts.size() != 2 || parts[0].empty()) return std::nullopt;
  return LaunchRecord{.place = parts[0], .zone = parts[1]};
}

Result<> Ec2Records::forget_launch(const std::string& token) const {
  return remove_tree(folder_ / "launches" / token);
}

std::filesystem::path Ec2Records::machine_folder(const std::string& id) const {
  return folder_ / "machines" / id;
}

Result<> Ec2Records::set_machine(const std::string& id, const MachineRecord& record) const {
  const auto launched =
      std::chrono::duration_cast<std::chrono::seconds>(record.launched.time_since_epoch());
  return write(machine_folder(id) / "machine",
               fmt::format("{} {} {}\n", record.user.empty() ? nobody_yet : record.user,
                           launched.count(), record.token));
}

std::optional<MachineRecord> Ec2Records::machine(const std::string& id) const {
  const auto text = read_file(machine_folder(id) / "machine");
  if (!text) return std::nullopt;
  const auto parts = split(trimmed(*text), ' ');
  std::int64_t launched = 0;
  if (parts.size() != 3) return std::nullopt;
  const auto& number = parts[1];
  if (std::from_chars(number.data(), number.data() + number.size(), launched).ec != std::errc()) {
    return std::nullopt;
  }
  return MachineRecord{.user = parts[0] == nobody_yet ? std::string() : parts[0],
                       .launched = WallTime(std::chrono::seconds(launched)),
                       .token = parts[2]};
}

Result<> Ec2Records::forget_machine(const std::string& id) const {
  if (const auto record = machine(id); record && is_launch_token(record->token)) {
    TRY(forget_launch(record->token));
  }
  return remove_tree(machine_folder(id));
}

std::string Ec2Records::admitted(const std::string& id) const {
  return std::string(trimmed(read_file(machine_folder(id) / "admitted").value_or("")));
}

Result<> Ec2Records::set_admitted(const std::string& id, const std::string& cidr) const {
  return write(machine_folder(id) / "admitted", cidr + "\n");
}

std::filesystem::path Ec2Records::known_hosts(const std::string& id) const {
  return machine_folder(id) / "known_hosts";
}

bool Ec2Records::has_host_keys(const std::string& id) const {
  std::error_code error;
  return std::filesystem::exists(known_hosts(id), error);
}

std::vector<std::string> Ec2Records::host_keys(const std::string& id) const {
  std::vector<std::string> keys;
  for (const auto& line : lines_of(read_file(known_hosts(id)).value_or(""))) {
    if (line.starts_with(id + " ")) keys.push_back(line.substr(id.size() + 1));
  }
  return keys;
}

Result<> Ec2Records::pin_host_keys(const std::string& id,
                                   const std::vector<std::string>& keys) const {
  return write(known_hosts(id), carrel::known_hosts(id, keys));
}

}  // namespace carrel
