// The way to a machine: its address, its host keys, ssh.
#include "aws/ec2_instances.hpp"
#include "aws/ec2_offers.hpp"
#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel/ssh.hpp"
#include "channel/ssh_target.hpp"
#include "machine/console.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/access.hpp"
#include "provider/ec2/ec2_provider.hpp"
#include "provider/ec2/plan.hpp"
#include "provider/ec2/records.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr auto patience = std::chrono::minutes(5);
constexpr Milliseconds address_poll{2000};
constexpr Milliseconds console_poll{5000};
constexpr Milliseconds console_poll_cap{15'000};
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

bool is_over(const Wait& wait, const Clock& clock) {
  return wait.deadline && clock.now() >= *wait.deadline;
}

}  // namespace

// The machine as it runs, with an address; waits while it is on its way.
Result<Instance> Ec2Provider::running_machine(const MachineRef& machine, const Wait& wait) {
  for (auto interval = address_poll;; interval = std::min(interval * 2, console_poll_cap)) {
    const auto found = TRY(ask(machine.place, {machine.ref}, wait));
    if (found.empty() && !is_new(machine.ref)) return does_not_run(machine, "EC2 does not know it");
    if (!found.empty()) {
      const auto& instance = found.front();
      const auto seen = seen_as(machine.place, instance);
      if (seen.state == MachineState::running && !seen.addresses.empty()) return instance;
      if (seen.state != MachineState::pending && seen.state != MachineState::running) {
        return does_not_run(machine, fmt::format("it is {}{}{}", to_string(instance.state),
                                                 seen.reason.empty() ? "" : ": ", seen.reason));
      }
    }
    TRY(outside_.pause(interval, wait));
  }
}

Result<std::string> Ec2Provider::login_on(const Instance& instance, const std::string& region,
                                          const Wait& wait) {
  if (const auto record = records_.machine(instance.id)) return record->user;
  const auto images =
      TRY(describe_images(*TRY(session_.in(region)), {.ids = {instance.image}}, wait));
  return login_of(images.empty() ? Image{} : images.front());
}

Result<> Ec2Provider::pin_host_keys(const MachineRef& machine, const Wait& wait) {
  const auto& client = *TRY(session_.in(machine.place));
  bool latest = true;
  for (auto interval = console_poll;; interval = std::min(interval * 3 / 2, console_poll_cap)) {
    auto console = get_console_output(client, machine.ref, latest, wait);
    if (!console && console.error().code == "UnsupportedOperation" && latest) {
      latest = false;  // a type of before Nitro: minutes late
      continue;
    }
    const bool passes = !console && (console.error().reason == Reason::not_found ||
                                     console.error().reason == Reason::unreachable ||
                                     console.error().reason == Reason::busy);
    if (!console && !passes && console.error().reason != Reason::timed_out) {
      return fail(std::move(console.error()));
    }
    if (console) {
      const auto keys = host_keys_of_console(*console);
      if (!keys.empty()) return records_.pin_host_keys(machine.ref, keys);
    }
    const auto paused = is_over(wait, outside_.clock) ? Result<>() : outside_.pause(interval, wait);
    if (!paused && paused.error().reason != Reason::timed_out) return paused;
    if (paused && !is_over(wait, outside_.clock)) continue;
    return fail(
        {.what = fmt::format("cannot verify that {} is the machine that was launched", machine.ref),
         .why = console ? "its console has not shown its host keys yet"
                        : fmt::format("its console cannot be read: {}", console.error().why),
         .hint = "it runs and costs money meanwhile: try again in some minutes, or remove it",
         .exit = Exit::act,
         .reason = Reason::unverified,
         .trace = {}});
  }
}

// Silence may mean that this computer has another address than the one that is let in.
Result<> Ec2Provider::let_in(const Instance& instance, const std::string& region,
                             const Wait& wait) {
  const auto address = TRY(callers_address(outside_.https, outside_.environment, wait));
  TRY(admit(*TRY(session_.in(region)), instance.security_groups, owner_of(outside_.environment),
            address, wait));
  return {};
}

// Nobody listens yet, or the person's key is not there yet: that is how machines boot.
Result<> Ec2Provider::until_it_answers(Channel& channel, const Instance& instance,
                                       const std::string& region, const Wait& wait) {
  const auto key_deadline = outside_.clock.now() + key_time;
  bool let_in_already = false;
  std::optional<Error> last;  // says more than that the time is over
  for (auto interval = ssh_poll;; interval = std::min(interval * 2, ssh_poll_cap)) {
    Command command;
    command.argv = {"true"};
    const auto done = channel.run(command, wait);
    if (done) return {};
    const auto& error = done.error();
    const bool boots = error.reason == Reason::unreachable ||
                       (error.reason == Reason::refused && outside_.clock.now() < key_deadline);
    if (error.reason == Reason::timed_out && last) return fail(*last);
    if (!boots) return fail(error);
    last = error;
    if (is_silence(error) && !std::exchange(let_in_already, true)) {
      if (auto opened = let_in(instance, region, wait); !opened) {
        return fail(std::move(opened.error()).while_doing("while ssh does not answer"));
      }
    }
    const auto paused = outside_.pause(interval, wait);
    if (!paused && paused.error().reason == Reason::timed_out) return fail(error);
    TRY(paused);
  }
}

Result<std::unique_ptr<Channel>> Ec2Provider::channel(const MachineRef& machine, const Wait& wait) {
  if (!is_instance_id(machine.ref)) return does_not_run(machine, "it is no machine of EC2");
  const auto bounded = wait.sooner(patience);
  const auto key =
      TRY(local_key(outside_.processes, outside_.environment, records_.folder(), bounded));
  const auto instance = TRY(running_machine(machine, bounded));
  auto user = TRY(login_on(instance, machine.place, bounded));
  if (!records_.has_host_keys(machine.ref)) TRY(pin_host_keys(machine, bounded));
  const auto& address =
      instance.public_address.empty() ? instance.private_address : instance.public_address;
  auto target = target_of(machine, std::move(user));
  target.host = address;
  target.identity = key.identity;
  auto channel = TRY(SshChannel::open(outside_.processes, outside_.random, outside_.environment,
                                      std::move(target)));
  TRY(until_it_answers(*channel, instance, machine.place, bounded));
  return channel;
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

std::optional<SshTarget> Ec2Provider::way(const MachineRef& machine) const {
  if (!is_instance_id(machine.ref) || !records_.has_host_keys(machine.ref)) return std::nullopt;
  auto record = records_.machine(machine.ref);
  if (!record) return std::nullopt;
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
