#include "provider/ec2/access.hpp"

#include "aws/base64.hpp"
#include "aws/client.hpp"
#include "aws/ec2_instances.hpp"
#include "aws/ec2_network.hpp"
#include "aws/sign.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "machine/console.hpp"
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
constexpr auto scan_time = std::chrono::seconds(5);

std::string_view without_padding(std::string_view text) {
  return text.substr(0, text.find_last_not_of('=') + 1);
}

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
  return LocalKey{.identity = folder / "id",
                  .public_key = std::string(trimmed(text)) + "\n",
                  .fingerprint = std::string(without_padding(base64(digest))),
                  .fingerprint8 = hex(digest).substr(0, 8)};
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

std::string port_name(int port) {
  return port == ssh_port ? "ssh" : fmt::format("port {}", port);
}

std::string label_of(const Entrance& entrance, int port) {
  return fmt::format("{} of {}", port_name(port), entrance.whose);
}

bool is_of(const Ingress& rule, const Entrance& entrance) {
  return rule.description == label_of(entrance, rule.port);
}

template <class One>
void add_once(std::vector<One>& all, const One& one) {
  if (std::ranges::find(all, one) == all.end()) all.push_back(one);
}

Result<> revoke(const AwsClient& client, const SecurityGroup& group,
                const std::vector<Ingress>& rules, const Wait& wait) {
  if (rules.empty()) return {};
  auto closed = revoke_ingress(client, group.id, rules, wait);
  if (!closed && closed.error().reason != Reason::not_found) return closed;
  return {};
}

Result<Admitted> admit_to(const AwsClient& client, const SecurityGroup& group,
                          const Entrance& entrance, int port, const Wait& wait) {
  Admitted admitted{.ports = {port}, .closed = {}};
  std::vector<Ingress> old;
  for (const auto& one : group.ingress) {
    if (!entrance.moves || !is_of(one, entrance) || one.cidr == entrance.cidr) continue;
    old.push_back(one);
    add_once(admitted.ports, one.port);
    add_once(admitted.closed, one.cidr);
  }
  for (const int each : admitted.ports) {
    const bool is_open = std::ranges::any_of(group.ingress, [&](const Ingress& one) {
      return one.port == each && one.cidr == entrance.cidr;
    });
    if (is_open) continue;
    const Ingress rule{
        .port = each, .cidr = entrance.cidr, .description = label_of(entrance, each)};
    auto opened = authorize_ingress(client, group.id, {rule}, wait);
    if (!opened && opened.error().reason != Reason::exists) return fail(std::move(opened.error()));
    admitted.opened = true;
  }
  TRY(revoke(client, group, old, wait));
  return admitted;
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

std::string fingerprint_of(std::string_view public_key) {
  const auto parts = split(public_key, ' ');
  const auto bytes = parts.size() == 2 ? from_base64(parts[1]) : std::nullopt;
  if (!bytes) return {};
  return "SHA256:" + std::string(without_padding(base64(sha256(*bytes))));
}

Result<std::vector<std::string>> offered_host_keys(Processes& processes,
                                                   const Environment& environment,
                                                   const std::string& address, const Wait& wait) {
  const auto scanned = TRY(processes.run(
      {.argv = {"ssh-keyscan", "-T", std::to_string(scan_time.count()), "--", address},
       .environment = environment,
       .folder = {},
       .input = {},
       .on_output = {},
       .on_bytes = {}},
      wait.sooner(scan_time + std::chrono::seconds(1))));
  std::vector<std::string> keys;
  for (const auto& line : lines_of(scanned.output)) {
    const auto space = line.find(' ');
    if (space == std::string::npos) continue;
    if (auto key = public_key_of(std::string_view(line).substr(space + 1))) {
      keys.push_back(std::move(*key));
    }
  }
  std::ranges::sort(keys, {},
                    [](const std::string& key) { return !key.starts_with("ssh-ed25519"); });
  if (!keys.empty()) return keys;
  return fail({.what = fmt::format("the sshd at {} shows no host key", address),
               .why = printable(trimmed(last_lines(scanned.error, 2))),
               .hint = {},
               .reason = Reason::unreachable,
               .trace = {}});
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

const std::string& address_of(const Instance& instance) {
  return instance.public_address.empty() ? instance.private_address : instance.public_address;
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
                 .hint = "--from ADDRESS says it; or CARREL_CHECKIP_URL names another service that "
                         "answers as " +
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

Entrance entrance_of_computer(const std::string& owner, const LocalKey& key,
                              const std::string& address) {
  return {.cidr = address + "/32",
          .whose = fmt::format("{} at {}", owner, key.fingerprint8),
          .moves = true};
}

Entrance entrance_asked_for(const std::string& owner, const LocalKey& key,
                            const std::string& cidr) {
  return {.cidr = cidr,
          .whose = fmt::format("{} at {}, asked for", owner, key.fingerprint8),
          .moves = false};
}

std::string admitted_text(const Entrance& entrance, const Admitted& admitted) {
  std::vector<std::string> names;
  names.reserve(admitted.ports.size());
  for (const int port : admitted.ports) names.push_back(port_name(port));
  auto text =
      fmt::format("{} {} open to {}{}", join(names, " and "), names.size() == 1 ? "is" : "are",
                  entrance.cidr, admitted.closed.empty() ? "" : " now");
  if (!admitted.closed.empty()) text += ", and closed to " + join(admitted.closed, ", ");
  return text;
}

Result<Group> ensure_group(const AwsClient& client, const std::string& vpc,
                           const std::string& owner, const Entrance& entrance, const Wait& wait) {
  const auto name = "carrel-" + owner;
  auto found = TRY(find_group(client, vpc, name, wait));
  const auto group =
      found.empty() ? TRY(make_group(client, vpc, name, owner, wait)) : std::move(found.front());
  return Group{.id = group.id, .admitted = TRY(admit_to(client, group, entrance, ssh_port, wait))};
}

Result<Admitted> admit(const AwsClient& client, const std::vector<std::string>& groups,
                       const std::string& owner, const Entrance& entrance, int port,
                       const Wait& wait) {
  if (groups.empty()) return Admitted{};
  for (const auto& group : TRY(describe_security_groups(client, {{"group-id", groups}}, wait))) {
    if (group.name == "carrel-" + owner) return admit_to(client, group, entrance, port, wait);
  }
  return Admitted{};
}

Result<std::vector<std::string>> shut_out(const AwsClient& client, const std::string& owner,
                                          const std::vector<Entrance>& entrances, int port,
                                          const Wait& wait) {
  std::vector<std::string> closed;
  for (const auto& group :
       TRY(describe_security_groups(client, {{"group-name", {"carrel-" + owner}}}, wait))) {
    std::vector<Ingress> rules;
    for (const auto& one : group.ingress) {
      if (one.port != port || std::ranges::none_of(entrances, [&](const Entrance& entrance) {
            return is_of(one, entrance);
          })) {
        continue;
      }
      rules.push_back(one);
      closed.push_back(one.cidr);
    }
    TRY(revoke(client, group, rules, wait));
  }
  return closed;
}

}  // namespace carrel
