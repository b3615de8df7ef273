// Who a machine is: the host keys on its console, which AWS alone can show, against those of its
// sshd.
#include "aws/ec2_instances.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "base/text.hpp"
#include "machine/console.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/access.hpp"
#include "provider/ec2/ec2_provider.hpp"
#include "provider/ec2/market.hpp"
#include "provider/ec2/plan.hpp"
#include "provider/ec2/records.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr auto patience = std::chrono::minutes(5);
constexpr auto scan_patience = std::chrono::seconds(6);
constexpr auto console_patience = std::chrono::seconds(10);
constexpr std::size_t console_lines = 12;
constexpr Milliseconds console_poll{5000};
constexpr Milliseconds console_poll_cap{15'000};

bool is_over(const Wait& wait, const Clock& clock) {
  return wait.deadline && clock.now() >= *wait.deadline;
}

// "SHA256:... (ssh-ed25519), SHA256:... (ssh-rsa)"
std::string shown(const std::vector<std::string>& keys) {
  std::vector<std::string> texts;
  texts.reserve(keys.size());
  for (const auto& key : keys) {
    texts.push_back(fmt::format("{} ({})", fingerprint_of(key), key.substr(0, key.find(' '))));
  }
  return texts.empty() ? "none" : join(texts, ", ");
}

bool has(const std::vector<std::string>& keys, const std::string& fingerprint) {
  return std::ranges::find(keys, fingerprint, fingerprint_of) != keys.end();
}

}  // namespace

Result<std::string> Ec2Provider::console(const MachineRef& machine, const Wait& wait) {
  const auto& client = *TRY(this->client(machine.place));
  auto console = get_console_output(client, machine.ref, true, wait);
  if (!console && console.error().code == "UnsupportedOperation") {
    // A type of before Nitro: minutes late.
    console = get_console_output(client, machine.ref, false, wait);
  }
  if (console) std::erase(*console, '\r');
  return console;
}

// For an error; "" where there is nothing.
std::string Ec2Provider::end_of_console(const MachineRef& machine, const Wait& wait) {
  const auto text =
      console(machine, Wait::at_most(console_patience, wait.interrupt)).value_or(std::string());
  const auto last = last_lines(text, console_lines);
  const auto end = trimmed(last);
  return end.empty() ? std::string() : "\nits console ends with:\n" + printable(end);
}

// None: it shows none, yet. Errors: only those that waiting does not mend.
Result<std::vector<std::string>> Ec2Provider::keys_on_console(const MachineRef& machine,
                                                              const Wait& wait) {
  auto console = this->console(machine, wait);
  if (console) return host_keys_of_console(*console);
  switch (console.error().reason) {
    case Reason::not_found:
    case Reason::unreachable:
    case Reason::busy:
    case Reason::timed_out:
      return std::vector<std::string>{};
    default:
      return fail(std::move(console.error()));
  }
}

Result<std::vector<std::string>> Ec2Provider::keys_of_sshd(const Instance& instance,
                                                           const Wait& wait) {
  return offered_host_keys(outside_.processes, outside_.environment, address_of(instance),
                           Wait::at_most(scan_patience, wait.interrupt));
}

std::string Ec2Provider::what_it_costs(const MachineRef& machine, const Instance& instance) const {
  const auto price = cached_machine_price(cache_, ec2_place(machine.place).region, instance.type);
  return price ? fmt::format("it runs and costs {} an hour meanwhile", to_string(price->money))
               : "it runs and costs money meanwhile";
}

Error Ec2Provider::nobody_vouches(const MachineRef& machine, const Instance& instance,
                                  std::string why) {
  return {
      .what = fmt::format("cannot verify that {} is the machine that was launched", machine.ref),
      .why = std::move(why),
      .hint = fmt::format(
          "{}: try again in some minutes, or carrel up --accept-host-key SHA256:... if you "
          "know that this is its key, or carrel rm",
          what_it_costs(machine, instance)),
      .exit = Exit::act,
      .reason = Reason::unverified,
      .trace = {}};
}

Error Ec2Provider::is_another(const MachineRef& machine, const std::vector<std::string>& expected,
                              const std::vector<std::string>& shown_now) const {
  return {.what = fmt::format("{} is not who it should be: nothing was said to it", machine.ref),
          .why = fmt::format("its host key should be {}; its sshd shows {}", shown(expected),
                             shown(shown_now)),
          .hint =
              "another machine may have its address, or stand between: do not go on before you "
              "know why. It costs money meanwhile; carrel rm removes it",
          .exit = Exit::failed,
          .reason = Reason::unverified,
          .trace = {}};
}

Result<> Ec2Provider::pin_host_keys(const MachineRef& machine, const Instance& instance,
                                    const Wait& wait) {
  for (auto interval = console_poll;; interval = std::min(interval * 3 / 2, console_poll_cap)) {
    const auto keys = TRY(keys_on_console(machine, wait));
    if (!keys.empty()) return records_.pin_host_keys(machine.ref, keys);
    const auto paused = is_over(wait, outside_.clock) ? Result<>() : outside_.pause(interval, wait);
    if (!paused && paused.error().reason != Reason::timed_out) return paused;
    if (paused && !is_over(wait, outside_.clock)) continue;
    const auto now = keys_of_sshd(instance, wait);
    if (!now && now.error().reason == Reason::interrupted) return fail(now.error());
    return fail(
        nobody_vouches(machine, instance,
                       fmt::format("its console has not shown its host keys yet; its sshd {}{}",
                                   now ? "shows " + shown(*now) : "does not answer",
                                   end_of_console(machine, wait))));
  }
}

Result<std::string> Ec2Provider::host_key(const MachineRef& machine, const Wait& wait) {
  const auto instance = TRY(running_machine(machine, wait.sooner(patience)));
  return fingerprint_of(TRY(keys_of_sshd(instance, wait)).front());
}

Result<> Ec2Provider::accept_host_key(const MachineRef& machine, const std::string& fingerprint,
                                      const Wait& wait) {
  const auto bounded = wait.sooner(patience);
  const auto instance = TRY(running_machine(machine, bounded));
  for (auto interval = console_poll;; interval = std::min(interval * 3 / 2, console_poll_cap)) {
    const auto expected = TRY(keys_on_console(machine, bounded));
    if (has(expected, fingerprint)) return records_.pin_host_keys(machine.ref, expected);
    const auto now = keys_of_sshd(instance, bounded);
    if (!expected.empty()) {
      return fail(is_another(machine, expected, now.value_or(std::vector<std::string>{})));
    }
    if (now) {
      for (const auto& key : *now) {
        if (fingerprint_of(key) == fingerprint) return records_.pin_host_keys(machine.ref, {key});
      }
      auto error = is_another(machine, {}, *now);
      error.why = fmt::format("{} was said to be its host key; its sshd shows {}",
                              printable(fingerprint), shown(*now));
      return fail(std::move(error));
    }
    if (now.error().reason == Reason::interrupted) return fail(now.error());
    if (auto paused = outside_.pause(interval, bounded); !paused) {
      if (paused.error().reason != Reason::timed_out) return paused;
      return fail(now.error());
    }
  }
}

}  // namespace carrel
