// The way to a machine: its address, its host keys, ssh.
#include "aws/ec2_instances.hpp"
#include "aws/ec2_offers.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/ssh.hpp"
#include "channel/ssh_target.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/access.hpp"
#include "provider/ec2/ec2_provider.hpp"
#include "provider/ec2/plan.hpp"
#include "provider/ec2/records.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr auto patience = std::chrono::minutes(5);
constexpr Milliseconds address_poll{2000};
constexpr Milliseconds address_poll_cap{15'000};
constexpr Milliseconds ssh_poll{500};
constexpr Milliseconds ssh_poll_cap{3000};
// sshd answers before cloud-init has put the person's key in its place.
constexpr auto key_time = std::chrono::seconds(60);

std::unexpected<Error> does_not_run(const MachineRef& machine, std::string why) {
  return fail({.what = fmt::format("the machine {} does not run", machine.ref),
               .why = std::move(why),
               .hint = "carrel start starts a stopped one",
               .reason = Reason::not_found,
               .trace = {}});
}

// In ssh's words: nobody said no.
bool is_silence(const Error& error) {
  return error.why.contains("timed out") || error.why.contains("No route to host");
}

}  // namespace

// The machine as it runs, with an address; waits while it is on its way.
Result<Instance> Ec2Provider::running_machine(const MachineRef& machine, const Wait& wait) {
  for (auto interval = address_poll;; interval = std::min(interval * 2, address_poll_cap)) {
    const auto found = TRY(ask_one(machine, wait));
    if (!found && !is_new(machine.ref)) return does_not_run(machine, "EC2 does not know it");
    if (found) {
      const auto& instance = *found;
      const auto seen = seen_as(instance, gib_month(machine.place));
      if (seen.state == MachineState::running && !seen.addresses.empty()) return instance;
      if (seen.state != MachineState::pending && seen.state != MachineState::running) {
        return does_not_run(machine, fmt::format("it is {}{}{}", to_string(instance.state),
                                                 seen.reason.empty() ? "" : ": ", seen.reason));
      }
    }
    TRY(outside_.pause(interval, wait));
  }
}

Result<std::optional<std::string>> Ec2Provider::login_on(const Instance& instance,
                                                         const std::string& place,
                                                         const Wait& wait) {
  if (const auto record = records_.machine(instance.id)) {
    return record->user.empty() ? std::nullopt : std::optional(record->user);
  }
  if (auto user = instance.tag(user_tag); !user.empty()) return user;
  const auto images = TRY(describe_images(*TRY(client(place)), {.ids = {instance.image}}, wait));
  return login_of(images.empty() ? Image{} : images.front());
}

// Where this computer's address is not the one that was let in last, or nobody knows which that
// was. Silence may mean the same.
Result<> Ec2Provider::let_in(const MachineRef& machine, const Instance& instance, Let let,
                             const Wait& wait) {
  const auto entrance = TRY(entrance_for(instance.tag(from_tag), wait));
  if (let == Let::where_it_moved && records_.admitted(machine.ref) == entrance.cidr) return {};
  const auto admitted = TRY(admit(*TRY(client(machine.place)), instance.security_groups,
                                  owner_of(outside_.environment), entrance, ssh_port, wait));
  if (admitted.opened || !admitted.closed.empty()) {
    notes_.push_back(admitted_text(entrance, admitted));
  }
  return records_.set_admitted(machine.ref, entrance.cidr);
}

// Nobody listens yet, or the person's key is not there yet: that is how machines boot.
Result<> Ec2Provider::until_it_answers(const std::function<Result<>()>& knock,
                                       const MachineRef& machine, const Instance& instance,
                                       const Wait& wait) {
  const auto key_deadline = outside_.clock.now() + key_time;
  bool let_in_already = false;
  std::optional<Error> last;  // says more than that the time is over
  for (auto interval = ssh_poll;; interval = std::min(interval * 2, ssh_poll_cap)) {
    const auto done = knock();
    if (done) return {};
    const auto& error = done.error();
    const bool boots = error.reason == Reason::unreachable ||
                       (error.reason == Reason::refused && outside_.clock.now() < key_deadline);
    if (error.reason == Reason::timed_out && last) return fail(*last);
    if (!boots) return fail(error);
    last = error;
    if (is_silence(error) && !std::exchange(let_in_already, true)) {
      if (auto opened = let_in(machine, instance, Let::anyhow, wait); !opened) {
        return fail(std::move(opened.error()).while_doing("while ssh does not answer"));
      }
    }
    const auto paused = outside_.pause(interval, wait);
    if (!paused && paused.error().reason == Reason::timed_out) return fail(error);
    TRY(paused);
  }
}

Result<> Ec2Provider::reach(SshTarget target, std::unique_ptr<Channel>& channel, const Wait& wait) {
  if (!channel) {
    channel = TRY(SshChannel::open(outside_.processes, outside_.random, outside_.environment,
                                   std::move(target)));
  }
  Command command;
  command.argv = {"true"};
  TRY(channel->run(command, wait));
  return {};
}

// cloud-init's images let root in only to be told who logs in. A machine that boots lets in nobody
// yet, one of another make may never let root in: then the usual login is tried.
Result<> Ec2Provider::reach_whoever_logs_in(SshTarget& target, std::unique_ptr<Channel>& channel,
                                            const Wait& wait) {
  if (target.user.empty()) {
    auto as_root = target;
    as_root.user = "root";
    const auto root = TRY(SshChannel::open(outside_.processes, outside_.random,
                                           outside_.environment, std::move(as_root)));
    const auto said = root->first_line(wait);
    if (!said && said.error().reason != Reason::refused) return fail(said.error());
    if (said) target.user = login_in_answer(*said).value_or("");
  }
  if (!target.user.empty()) return reach(target, channel, wait);
  auto usual = target;
  usual.user = usual_login;
  std::unique_ptr<Channel> as_usual;
  TRY(reach(usual, as_usual, wait));
  channel = std::move(as_usual);
  target = std::move(usual);
  return {};
}

// A record that is lost is made anew with it.
void Ec2Provider::remember_login(const Instance& instance, const std::string& login) const {
  auto record = records_.machine(instance.id)
                    .value_or(MachineRecord{.launched = instance.launched.value_or(WallTime()),
                                            .token = instance.tag("carrel:token")});
  if (!is_launch_token(record.token)) return;
  record.user = login;
  (void)records_.set_machine(instance.id, record);
}

Result<std::unique_ptr<Channel>> Ec2Provider::channel(const MachineRef& machine, const Wait& wait) {
  if (!is_instance_id(machine.ref)) return does_not_run(machine, "it is no machine of EC2");
  const auto bounded = wait.sooner(patience);
  const auto key =
      TRY(local_key(outside_.processes, outside_.environment, records_.folder(), bounded));
  const auto instance = TRY(running_machine(machine, bounded));
  const auto login = TRY(login_on(instance, machine.place, bounded));
  if (const auto let = let_in(machine, instance, Let::where_it_moved, bounded);
      !let && let.error().reason == Reason::interrupted) {
    return fail(let.error());  // else ssh itself will show whether it is in the way
  }
  if (!records_.has_host_keys(machine.ref)) TRY(pin_host_keys(machine, instance, bounded));
  auto target = target_of(machine, login.value_or(""));
  target.host = address_of(instance);
  target.identity = key.identity;
  std::unique_ptr<Channel> channel;
  const auto knock = [&] {
    return login ? reach(target, channel, bounded)
                 : reach_whoever_logs_in(target, channel, bounded);
  };
  auto answers = until_it_answers(knock, machine, instance, bounded);
  if (answers) {
    if (!login) remember_login(instance, target.user);
    return channel;
  }
  auto& error = answers.error();
  if (error.reason == Reason::refused && instance.tag(user_tag).empty()) {
    error.hint = "if another name logs in there: carrel rm, and carrel up --user LOGIN";
  }
  if (error.reason != Reason::unverified) {
    if (error.reason != Reason::interrupted) error.why += end_of_console(machine, wait);
    return fail(std::move(error));
  }
  channel.reset();
  return fail(is_another(machine, records_.host_keys(machine.ref),
                         keys_of_sshd(instance, wait).value_or(std::vector<std::string>{})));
}

// But for its address.
SshTarget Ec2Provider::target_of(const MachineRef& machine, std::string user) const {
  return {.host = {},
          .user = std::move(user),
          .identity = identity_in(records_.folder()),
          .known_hosts = records_.known_hosts(machine.ref),
          .host_key_alias = machine.ref,
          .folder = outside_.paths.run,
          .proxy_command = {},
          .config = {}};
}

Result<> Ec2Provider::open_port(const MachineRef& machine, std::uint16_t port, const Wait& wait) {
  const auto instance = TRY(running_machine(machine, wait.sooner(patience)));
  const auto entrance = TRY(entrance_for(instance.tag(from_tag), wait));
  const auto admitted = TRY(admit(*TRY(client(machine.place)), instance.security_groups,
                                  owner_of(outside_.environment), entrance, port, wait));
  if (admitted.ports.empty()) {
    return fail({.what = fmt::format("port {} of {} cannot be opened", port, machine.ref),
                 .why = "no security group of the machine is carrel's own",
                 .hint = "allow it in one of the machine's groups (aws ec2 "
                         "authorize-security-group-ingress), or carrel up --private",
                 .exit = Exit::act,
                 .trace = {}});
  }
  if (admitted.opened || !admitted.closed.empty()) {
    notes_.push_back(admitted_text(entrance, admitted));
  }
  return {};
}

Result<> Ec2Provider::close_port(const MachineRef& machine, std::uint16_t port, const Wait& wait) {
  const auto owner = owner_of(outside_.environment);
  const auto key =
      TRY(local_key(outside_.processes, outside_.environment, records_.folder(), wait));
  const auto closed = TRY(shut_out(
      *TRY(client(machine.place)), owner,
      {entrance_of_computer(owner, key, {}), entrance_asked_for(owner, key, {})}, port, wait));
  if (!closed.empty()) {
    notes_.push_back(fmt::format("port {} is closed to {}", port, join(closed, ", ")));
  }
  return {};
}

std::optional<SshTarget> Ec2Provider::way(const MachineRef& machine) const {
  if (!is_instance_id(machine.ref) || !records_.has_host_keys(machine.ref)) return std::nullopt;
  auto record = records_.machine(machine.ref);
  if (!record || record->user.empty()) return std::nullopt;
  return target_of(machine, std::move(record->user));
}

Result<std::unique_ptr<Channel>> Ec2Provider::channel_as_seen(const MachineRef& machine,
                                                              const Observation& seen,
                                                              const Wait& wait) {
  auto target = way(machine);
  // A record that is lost is made up for by questions.
  if (!target && records_.has_host_keys(machine.ref)) return channel(machine, wait);
  if (!target) {
    return fail({.what = fmt::format("{} is not verified yet", machine.ref),
                 .why = "its host keys are not known on this computer",
                 .hint = "carrel start verifies it",
                 .reason = Reason::unverified,
                 .trace = {}});
  }
  if (seen.addresses.empty()) return does_not_run(machine, "it has no address");
  target->host = seen.addresses.front();
  return SshChannel::open(outside_.processes, outside_.random, outside_.environment,
                          std::move(*target));
}

}  // namespace carrel
