// What becomes of machines: looked at, started, stopped, removed.
#include "aws/client.hpp"
#include "aws/ec2_instances.hpp"
#include "aws/errors.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"
#include "provider/ec2/ec2_provider.hpp"
#include "provider/ec2/market.hpp"
#include "provider/ec2/plan.hpp"
#include "provider/ec2/records.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

// How long EC2's answers may lag behind a launch (EC2 API reference, "Eventual consistency": up to
// a few minutes).
constexpr auto lag = std::chrono::minutes(5);
constexpr auto lag_poll = std::chrono::seconds(1);
constexpr std::size_t most_filter_values = 200;
constexpr std::size_t most_started = 50;  // by one request
constexpr int largest_disk = 65536;       // GiB

MachineState machine_state(InstanceState state) {
  switch (state) {
    case InstanceState::pending:
      return MachineState::pending;
    case InstanceState::running:
      return MachineState::running;
    case InstanceState::shutting_down:
    case InstanceState::stopping:
      return MachineState::stopping;
    case InstanceState::terminated:
      return MachineState::gone;
    case InstanceState::stopped:
      return MachineState::stopped;
    case InstanceState::other:
      return MachineState::unknown;
  }
  return MachineState::unknown;
}

std::string why(const Instance& instance) {
  auto reason = instance.state_reason.empty() ? instance.state_code : instance.state_reason;
  if (!instance.state_code.empty() && !reason.contains(instance.state_code)) {
    reason = instance.state_code + ": " + reason;
  }
  return printable(reason);
}

std::string reason_of(const Instance& instance) {
  switch (instance.state) {
    case InstanceState::pending:
      return "EC2 is starting it";
    case InstanceState::running:
      return {};
    case InstanceState::shutting_down:
      return "EC2 is removing it";
    case InstanceState::stopping:
      return "EC2 is stopping it";
    case InstanceState::stopped:
      return why(instance);
    case InstanceState::terminated:
      if (instance.state_code == "Client.InternalError") {
        return why(instance) + " (often: no permission for the key that encrypts the disk)";
      }
      return why(instance);
    case InstanceState::other:
      return "EC2 says a state that this program does not know";
  }
  return {};
}

int disk_of(const Instance& instance) {
  const auto text = instance.tag("carrel:disk");
  int gib = 0;
  std::from_chars(text.data(), text.data() + text.size(), gib);
  return gib > 0 && gib <= largest_disk ? gib : 0;
}

}  // namespace

bool Ec2Provider::is_new(const std::string& id) const {
  const auto record = records_.machine(id);
  return record && outside_.clock.wall() - record->launched < lag;
}

Observation Ec2Provider::not_shown(const std::string& id) const {
  if (is_new(id)) {
    return {.state = MachineState::pending, .reason = "EC2 does not show it yet"};
  }
  return {.state = MachineState::gone, .reason = "EC2 does not know it (any more)"};
}

// Where nobody has asked for this region's price: that of us-east-1.
Money Ec2Provider::gib_month(const std::string& place) const {
  constexpr Money usual{80'000};
  const auto price = cached_disk_price(cache_, ec2_place(place).region);
  return price ? price->money : usual;
}

Observation Ec2Provider::seen_as(const Instance& instance, Money gib_month) const {
  Observation seen{.state = machine_state(instance.state), .reason = reason_of(instance)};
  if (seen.state == MachineState::running) {
    seen.since = instance.launched;
    for (const auto& address : {instance.public_address, instance.private_address}) {
      if (!address.empty()) seen.addresses.push_back(address);
    }
  }
  if (seen.state == MachineState::stopped) {
    seen.cost_per_day = disk_per_day(gib_month, disk_of(instance));
  }
  return seen;
}

// Those of the ids that EC2 shows; and the others of Carrel's, where all are asked for.
Result<Ec2Provider::Shown> Ec2Provider::ask(const std::string& place,
                                            const std::vector<std::string>& ids, Whose whose,
                                            const Wait& wait) {
  const auto& client = *TRY(this->client(place));
  std::set<std::string> left(ids.begin(), ids.end());
  Shown shown;
  const auto add = [&](std::vector<Instance> page) {
    for (auto& instance : page) {
      auto& list = left.erase(instance.id) > 0 ? shown.asked_for : shown.others;
      list.push_back(std::move(instance));
    }
  };
  if (whose == Whose::all || left.size() > most_filter_values) {
    add(TRY(describe_instances(client, {.filters = {{"tag-key", {workspace_tag}}}}, wait)));
  }
  // As filters: one id that EC2 does not know would fail a question for ids altogether.
  for (auto rest = std::vector(left.begin(), left.end()); !rest.empty();) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(rest.size(), most_filter_values));
    add(TRY(describe_instances(
        client, {.filters = {{"instance-id", {rest.begin(), rest.begin() + count}}}}, wait)));
    rest.erase(rest.begin(), rest.begin() + count);
  }
  return shown;
}

Result<std::optional<Instance>> Ec2Provider::ask_one(const MachineRef& machine, const Wait& wait) {
  auto shown = TRY(ask(machine.place, {machine.ref}, Whose::asked_for, wait));
  if (shown.asked_for.empty()) return std::nullopt;
  return std::move(shown.asked_for.front());
}

MadeElsewhere Ec2Provider::made_elsewhere(const std::string& place, const Instance& instance,
                                          Money gib_month) const {
  auto called = instance.tag(name_tag);
  if (called.empty()) called = instance.tag("Name");  // an earlier Carrel made it
  return {.machine = {.provider = name(), .place = place, .ref = instance.id},
          .workspace = instance.tag(workspace_tag),
          .name = std::move(called),
          .computer = instance.tag(computer_tag),
          .owner = instance.tag(owner_tag),
          .seen = seen_as(instance, gib_month)};
}

// Asks each of `places`; of a machine that is not in any of them nothing is known.
Result<Listing> Ec2Provider::look(const std::vector<MachineRef>& machines, IdsByPlace places,
                                  Whose whose, const Wait& wait) {
  std::map<MachineRef, Observation> answers;
  for (const auto& machine : machines) {
    if (is_instance_id(machine.ref)) {
      places[machine.place].push_back(machine.ref);
    } else {
      answers[machine] = {.state = MachineState::gone, .reason = "it is no machine of EC2"};
    }
  }
  Listing listing;
  std::set<std::string> found;  // two places may be one region, as two profiles see it
  for (const auto& [place, ids] : places) {
    auto shown = ask(place, ids, whose, wait);
    if (!shown && shown.error().reason == Reason::interrupted) return fail(shown.error());
    const auto answer_of = [&](const std::string& id) -> Observation& {
      return answers[{.provider = name(), .place = place, .ref = id}];
    };
    if (!shown) {
      const auto reason = shown.error().what + ": " + shown.error().why;
      for (const auto& id : ids) answer_of(id).reason = reason;
      listing.unasked.push_back(std::move(shown.error()));
      continue;
    }
    const auto price = gib_month(place);
    std::set<std::string> left(ids.begin(), ids.end());
    for (const auto& instance : shown->asked_for) {
      left.erase(instance.id);
      answer_of(instance.id) = seen_as(instance, price);
    }
    for (const auto& id : left) answer_of(id) = not_shown(id);
    for (const auto& instance : shown->others) {
      const bool ends = instance.state == InstanceState::terminated ||
                        instance.state == InstanceState::shutting_down;
      if (!ends && found.insert(instance.id).second) {
        listing.elsewhere.push_back(made_elsewhere(place, instance, price));
      }
    }
  }
  const auto now = outside_.clock.now();
  for (const auto& machine : machines) {
    auto answer = answers[{.provider = name(), .place = machine.place, .ref = machine.ref}];
    if (answer.state != MachineState::unknown) {
      seen_[machine] = {.state = answer.state, .at = now};
    } else if (const auto last = seen_.find(machine); last != seen_.end()) {
      answer.last_known = last->second.state;
      answer.last_known_age = std::chrono::duration_cast<Milliseconds>(now - last->second.at);
    }
    listing.seen.push_back(std::move(answer));
  }
  return listing;
}

Result<std::vector<Observation>> Ec2Provider::observe(const std::vector<MachineRef>& machines,
                                                      const Wait& wait) {
  return TRY(look(machines, {}, Whose::asked_for, wait)).seen;
}

Result<Listing> Ec2Provider::list(const std::vector<MachineRef>& machines, Places places,
                                  const Wait& wait) {
  if (places == Places::of_these) return look(machines, {}, Whose::all, wait);
  const auto usual = place_for({}, wait);
  if (!usual && usual.error().reason == Reason::interrupted) return fail(usual.error());
  auto listing =
      TRY(look(machines, usual ? IdsByPlace{{*usual, {}}} : IdsByPlace{}, Whose::all, wait));
  if (!usual) listing.unasked.push_back(usual.error());
  return listing;
}

// Makes a request of one machine. It is done, too, when the machine is gone, or when EC2 refuses
// because it is in `wanted` already or on its way there.
template <class Request>
Result<> Ec2Provider::request(const MachineRef& machine, const Wait& wait, Request request,
                              std::optional<InstanceState> wanted) {
  if (!is_instance_id(machine.ref)) return {};
  const auto& client = *TRY(this->client(machine.place));
  for (;;) {
    auto done = request(client, std::vector{machine.ref});
    if (done) return {};
    auto error = std::move(done.error());
    if (error.reason == Reason::not_found) {
      if (!is_new(machine.ref)) return {};
      TRY(outside_.pause(lag_poll, wait));  // it exists, and EC2 will know it
      continue;
    }
    if (is_no_capacity(error.code)) {
      error.reason = Reason::no_capacity;
      error.exit = Exit::act;
      error.hint =
          "a stopped machine stays in its zone: try again later, or remove it and make another";
    }
    if (error.code != "IncorrectInstanceState") return fail(std::move(error));
    const auto seen = TRY(ask_one(machine, wait));
    const auto state = seen ? seen->state : InstanceState::terminated;
    if (state == InstanceState::terminated || state == InstanceState::shutting_down ||
        state == wanted || (wanted == InstanceState::stopped && state == InstanceState::stopping)) {
      return {};
    }
    error.reason = Reason::busy;
    error.hint = fmt::format("it is {} now: try again in a minute", to_string(state));
    return fail(std::move(error));
  }
}

Result<> Ec2Provider::start(const MachineRef& machine, const Wait& wait) {
  return request(
      machine, wait,
      [&](const AwsClient& client, const std::vector<std::string>& ids) {
        return start_instances(client, ids, wait);
      },
      InstanceState::running);
}

Result<> Ec2Provider::start_all(const std::vector<MachineRef>& machines, const Wait& wait) {
  std::map<std::string, std::vector<std::string>> by_place;
  for (const auto& machine : machines) {
    if (is_instance_id(machine.ref)) by_place[machine.place].push_back(machine.ref);
  }
  Result<> outcome;
  for (const auto& [place, ids] : by_place) {
    const auto& client = *TRY(this->client(place));
    for (std::size_t first = 0; first < ids.size(); first += most_started) {
      const auto last = std::min(ids.size(), first + most_started);
      const std::vector<std::string> some(ids.begin() + static_cast<std::ptrdiff_t>(first),
                                          ids.begin() + static_cast<std::ptrdiff_t>(last));
      if (auto done = start_instances(client, some, wait); !done) {
        outcome = fail(std::move(done.error()));
      }
      if (!outcome && outcome.error().reason == Reason::interrupted) return outcome;
    }
  }
  return outcome;
}

Result<> Ec2Provider::stop(const MachineRef& machine, StopHow how, const Wait& wait) {
  const auto kind = how == StopHow::gracefully ? StopKind::shutdown : StopKind::force;
  return request(
      machine, wait,
      [&](const AwsClient& client, const std::vector<std::string>& ids) {
        return stop_instances(client, ids, kind, wait);
      },
      InstanceState::stopped);
}

Result<> Ec2Provider::remove(const MachineRef& machine, Keep keep, const Wait& wait) {
  if (keep == Keep::disk) {
    return usage_error("EC2 keeps no disk without its machine here",
                       "stop the machine instead: then only its disk is paid for");
  }
  TRY(request(
      machine, wait,
      [&](const AwsClient& client, const std::vector<std::string>& ids) {
        return terminate_instances(client, ids, wait);
      },
      InstanceState::terminated));
  if (!is_instance_id(machine.ref)) return {};
  return records_.forget_machine(machine.ref);
}

}  // namespace carrel
