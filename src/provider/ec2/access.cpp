#include "provider/ec2/access.hpp"

#include "aws/base64.hpp"
#include "aws/client.hpp"
#include "aws/ec2_network.hpp"
#include "aws/sign.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/file.hpp"
#include "os/https.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view checkip = "https://checkip.amazonaws.com";
constexpr auto checkip_time = std::chrono::seconds(3);
constexpr std::size_t checkip_limit = 1000;
constexpr int ssh_port = 22;

Result<LocalKey> read_key(const fs::path& folder) {
  const auto text = TRY(read_file(folder / "id.pub"));
  const auto parts = split(trimmed(text), ' ');
  const auto bytes = parts.size() >= 2 ? from_base64(parts[1]) : std::nullopt;
  if (!bytes) {
    return fail({.what = fmt::format("{} is no public key", (folder / "id.pub").native()),
                 .why = {},
                 .hint = fmt::format("ssh-keygen -y -f {} shows what it should be",
                                     shell_quoted((folder / "id").native())),
                 .reason = Reason::corrupt,
                 .trace = {}});
  }
  const auto digest = sha256(*bytes);
  auto fingerprint = base64(digest);
  while (fingerprint.ends_with('=')) fingerprint.pop_back();
  return LocalKey{.identity = folder / "id",
                  .public_key = std::string(trimmed(text)) + "\n",
                  .fingerprint = std::move(fingerprint),
                  .fingerprint8 = hex(digest).substr(0, 8)};
}

std::string_view without_padding(std::string_view text) {
  return text.substr(0, text.find_last_not_of('=') + 1);
}

Result<std::vector<SecurityGroup>> find_group(const AwsClient& client, const std::string& vpc,
                                              const std::string& name, const Wait& wait) {
  return describe_security_groups(client, {{"group-name", {name}}, {"vpc-id", {vpc}}}, wait);
}

Result<SecurityGroup> make_group(const AwsClient& client, const std::string& vpc,
                                 const std::string& name, const std::string& owner,
                                 const Wait& wait) {
  const NewSecurityGroup wanted{
      .name = name,
      .description = "SSH to machines of " + owner + ", made by carrel",
      .vpc = vpc,
      .tags = {{"Name", name}, {"carrel:owner", owner}},
  };
  auto id = create_security_group(client, wanted, wait);
  if (id) {
    return SecurityGroup{.id = std::move(*id),
                         .name = name,
                         .description = wanted.description,
                         .vpc = vpc,
                         .ingress = {},
                         .tags = wanted.tags};
  }
  if (id.error().reason != Reason::exists) return fail(std::move(id.error()));
  auto found = TRY(find_group(client, vpc, name, wait));  // another command was faster
  if (found.empty()) return fail(std::move(id.error()));
  return std::move(found.front());
}

Result<bool> admit_to(const AwsClient& client, const SecurityGroup& group, const std::string& owner,
                      const std::string& address, const Wait& wait) {
  const Ingress rule{.port = ssh_port, .cidr = address + "/32", .description = "ssh of " + owner};
  const bool open = std::ranges::any_of(group.ingress, [&](const Ingress& one) {
    return one.port == rule.port && one.cidr == rule.cidr;
  });
  if (open) return false;
  auto opened = authorize_ingress(client, group.id, {rule}, wait);
  if (!opened && opened.error().reason != Reason::exists) return fail(std::move(opened.error()));
  return true;
}

}  // namespace

Result<LocalKey> local_key(Processes& processes, const Environment& environment,
                           const fs::path& folder, const Wait& wait) {
  const auto key = folder / "key";
  std::error_code error;
  if (fs::exists(key, error)) return read_key(key);
  TRY(make_private_folder(folder));
  const auto lock = TRY(FileLock::acquire(folder / "key.lock", wait));
  if (fs::exists(key, error)) return read_key(key);
  const auto half = folder / "key.new";
  TRY(remove_tree(half));
  TRY(make_private_folder(half));
  const auto made = TRY(processes.run({.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
                                                "carrel", "-f", (half / "id").native()},
                                       .environment = environment,
                                       .folder = {},
                                       .input = {},
                                       .on_output = {},
                                       .on_bytes = {}},
                                      wait));
  if (made.status != 0) {
    return fail({.what = "ssh-keygen made no key",
                 .why = printable(trimmed(made.error + made.output)),
                 .hint = {},
                 .trace = {}});
  }
  fs::rename(half, key, error);
  if (error) return fail(system_error("cannot keep the new key", error.value()));
  return read_key(key);
}

Result<std::string> ensure_key_pair(const AwsClient& client, const LocalKey& key,
                                    const std::string& owner, const Wait& wait) {
  auto name = fmt::format("carrel-{}-{}", owner, key.fingerprint8);
  const auto known = [&]() { return describe_key_pairs(client, {{"key-name", {name}}}, wait); };
  auto found = TRY(known());
  if (found.empty()) {
    auto made = import_key_pair(client, name, key.public_key, {{"carrel:owner", owner}}, wait);
    if (made) return name;
    if (made.error().reason != Reason::exists) return fail(std::move(made.error()));
    found = TRY(known());
  }
  if (!found.empty() && without_padding(found.front().fingerprint) == key.fingerprint) return name;
  return fail({.what = fmt::format("the key pair {} is not this computer's key", name),
               .why = fmt::format("its fingerprint is not SHA256:{}", key.fingerprint),
               .hint = fmt::format("find out who imported it; then aws ec2 delete-key-pair "
                                   "--key-name {} makes room for this computer's",
                                   name),
               .exit = Exit::act,
               .reason = Reason::unverified,
               .trace = {}});
}

bool is_ipv4(std::string_view text) {
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

Result<std::string> callers_address(Https& https, const Environment& environment,
                                    const Wait& wait) {
  const auto other = environment.find("CARREL_CHECKIP_URL");
  const auto url = other == environment.end() ? std::string(checkip) : other->second;
  const auto failure = [&](std::string why, Reason reason) {
    return fail({.what = "cannot find out the address of this computer, to let only it in",
                 .why = std::move(why),
                 .hint = "try again; CARREL_CHECKIP_URL names another service that answers as " +
                         std::string(checkip) + " does",
                 .exit = Exit::act,
                 .reason = reason,
                 .trace = {}});
  };
  const auto answer =
      https.send({.url = url, .body_limit = checkip_limit}, wait.sooner(checkip_time));
  if (!answer && answer.error().reason == Reason::interrupted) return fail(answer.error());
  if (!answer) {
    return failure(fmt::format("{}: {}", answer.error().what, answer.error().why),
                   answer.error().reason);
  }
  std::string address(trimmed(answer->body));
  if (answer->status == 200 && is_ipv4(address)) return address;
  return failure(fmt::format("{} answered {}: {}", url, answer->status, printable(address)),
                 Reason::corrupt);
}

Result<std::string> ensure_group(const AwsClient& client, const std::string& vpc,
                                 const std::string& owner, const std::string& address,
                                 const Wait& wait) {
  const auto name = "carrel-" + owner;
  auto found = TRY(find_group(client, vpc, name, wait));
  const auto group =
      found.empty() ? TRY(make_group(client, vpc, name, owner, wait)) : std::move(found.front());
  TRY(admit_to(client, group, owner, address, wait));
  return group.id;
}

Result<bool> admit(const AwsClient& client, const std::vector<std::string>& groups,
                   const std::string& owner, const std::string& address, const Wait& wait) {
  if (groups.empty()) return false;
  for (const auto& group : TRY(describe_security_groups(client, {{"group-id", groups}}, wait))) {
    if (group.name == "carrel-" + owner) return admit_to(client, group, owner, address, wait);
  }
  return false;
}

}  // namespace carrel
