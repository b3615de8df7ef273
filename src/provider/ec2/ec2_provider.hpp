// The provider `ec2`: machines of Amazon EC2, on demand, in a region's default network (VPC).
//
// A machine's place is its region, with the profile where one was named; its ref the instance's id.
// The tags on it are the truth (carrel:workspace, carrel:name, carrel:computer, carrel:owner,
// carrel:token, carrel:from, carrel:user); what this computer keeps besides is in records.hpp and
// may be lost. Nothing is asked of AWS, nor are credentials looked for, before the first call.
//
// Money: Offer::per_hour is the machine's price on demand, its disk and its public address;
// per_day_stopped is the disk, which is all that a stopped machine costs.
//
// A machine is reached over ssh, and only after it has been verified: the host keys that it showed
// first on its console, which AWS lets its owner read, are pinned on this computer.
#pragma once

#include "aws/ec2_instances.hpp"
#include "aws/ec2_offers.hpp"
#include "aws/throttle.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_target.hpp"
#include "os/clock.hpp"
#include "os/https.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"
#include "provider/ec2/access.hpp"
#include "provider/ec2/market.hpp"
#include "provider/ec2/preflight.hpp"
#include "provider/ec2/records.hpp"
#include "provider/ec2/session.hpp"
#include "workspace/check.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

// What the provider needs of the outside; everything that is referred to outlives it.
struct Ec2Outside {
  Processes& processes;
  Https& https;
  const Clock& clock;
  Random& random;
  Environment environment;
  WorkspacePaths paths;        // state/ec2, cache/ec2 and `run` are written
  std::string node_name = {};  // of this computer, as uname(2) has it; "": it has none
  Pause pause = system_pause;
};

class Ec2Provider final : public Provider {
 public:
  explicit Ec2Provider(const Ec2Outside& outside);

  std::string name() const override { return "ec2"; }
  ProviderFacts facts() const override;
  // One offer for each zone that has the cheapest type that fits; a single blocked one where there
  // is none.
  Result<std::vector<Offer>> offers(const Hardware& hardware, const Wait& wait) override;
  // Credentials, account and region first; without them nothing else can be asked.
  Result<std::vector<Check>> checks(const Hardware& hardware, const Wait& wait) override;
  Result<> check_from(const Hardware& hardware, const Wait& wait) override;
  Result<MachineRef> create(const Intent& intent, const Wait& wait) override;
  // In the region where the launch was begun, else where the person's tools are.
  Result<std::optional<MachineRef>> find(const std::string& token, const Wait& wait) override;
  // One DescribeInstances for each region. A machine that AWS does not show is pending for its
  // first minutes, as EC2's answers lag behind its launches, and then gone.
  Result<std::vector<Observation>> observe(const std::vector<MachineRef>& machines,
                                           const Wait& wait) override;
  // Still one question for each region: for everything there that has Carrel's tags. The usual
  // place is the region that the person's tools are set to.
  Result<Listing> list(const std::vector<MachineRef>& machines, Places places,
                       const Wait& wait) override;
  // Reason::no_capacity: its zone has no room now; a stopped machine cannot leave its zone.
  Result<> start(const MachineRef& machine, const Wait& wait) override;
  // Fifty in one request, which EC2 grants as a whole or not at all.
  Result<> start_all(const std::vector<MachineRef>& machines, const Wait& wait) override;
  Result<> stop(const MachineRef& machine, StopHow how, const Wait& wait) override;
  // With its disk: EC2 keeps no disk by itself here, so Keep::disk is an error.
  Result<> remove(const MachineRef& machine, Keep keep, const Wait& wait) override;
  // Waits, five minutes at most, until the machine has shown its host keys and ssh answers. This
  // computer's present address is let in, where it is another than the last time or only silence
  // answers.
  Result<std::unique_ptr<Channel>> channel(const MachineRef& machine, const Wait& wait) override;
  Result<std::unique_ptr<Channel>> channel_as_seen(const MachineRef& machine,
                                                   const Observation& seen,
                                                   const Wait& wait) override;
  std::optional<SshTarget> way(const MachineRef& machine) const override;
  Result<std::string> host_key(const MachineRef& machine, const Wait& wait) override;
  // A console that shows other keys wins. Waits, five minutes at most, until one of the two shows
  // any.
  Result<> accept_host_key(const MachineRef& machine, const std::string& fingerprint,
                           const Wait& wait) override;
  // In the person's security group: the rule is every machine's of the person.
  Result<> open_port(const MachineRef& machine, std::uint16_t port, const Wait& wait) override;
  Result<> close_port(const MachineRef& machine, std::uint16_t port, const Wait& wait) override;
  Result<std::string> console(const MachineRef& machine, const Wait& wait) override;
  std::vector<std::string> notes() override { return std::exchange(notes_, {}); }
  void tell_waits(const std::function<void(std::string_view)>& tell) override;

 private:
  struct Seen {  // the last answer about a machine
    MachineState state;
    Instant at;
  };
  AwsSession& session(const std::string& profile);
  Result<const AwsClient*> client(const std::string& place);
  Result<std::string> place_for(const Hardware& hardware, const Wait& wait);
  Result<Survey> look_around(const std::string& place, const Hardware& hardware, const Wait& wait);

  Result<Network> network(const std::string& place, const Wait& wait);
  Result<InstanceType> type_named(const std::string& place, const std::string& name,
                                  const Wait& wait);
  Result<Image> image_for(const std::string& place, const std::string& wanted,
                          const InstanceType& type, const Wait& wait);
  Result<std::optional<MachineRef>> find_in(const std::string& place, const std::string& token,
                                            const Wait& wait);
  Result<Instance> launched_before(const AwsClient& client, const Launch& launch, const Wait& wait);
  Result<Entrance> entrance_for(const std::string& from, const Wait& wait);
  Result<Launch> launch_of(const Intent& intent, const Entrance& entrance, const Wait& wait);

  enum class Whose { asked_for, all };
  struct Shown {
    std::vector<Instance> asked_for;
    std::vector<Instance> others;  // that Carrel made; with Whose::all
  };
  using IdsByPlace = std::map<std::string, std::vector<std::string>>;
  Result<Shown> ask(const std::string& place, const std::vector<std::string>& ids, Whose whose,
                    const Wait& wait);
  Result<std::optional<Instance>> ask_one(const MachineRef& machine, const Wait& wait);
  Result<Listing> look(const std::vector<MachineRef>& machines, IdsByPlace places, Whose whose,
                       const Wait& wait);
  MadeElsewhere made_elsewhere(const std::string& place, const Instance& instance,
                               Money gib_month) const;
  Money gib_month(const std::string& place) const;
  Observation seen_as(const Instance& instance, Money gib_month) const;
  Observation not_shown(const std::string& id) const;
  bool is_new(const std::string& id) const;
  template <class Request>
  Result<> request(const MachineRef& machine, const Wait& wait, Request request,
                   std::optional<InstanceState> wanted);

  Result<Instance> running_machine(const MachineRef& machine, const Wait& wait);
  // None: nobody here knows.
  Result<std::optional<std::string>> login_on(const Instance& instance, const std::string& place,
                                              const Wait& wait);
  Result<> reach(SshTarget target, std::unique_ptr<Channel>& channel, const Wait& wait);
  Result<> reach_whoever_logs_in(SshTarget& target, std::unique_ptr<Channel>& channel,
                                 const Wait& wait);
  void remember_login(const Instance& instance, const std::string& login) const;
  SshTarget target_of(const MachineRef& machine, std::string user) const;
  std::string end_of_console(const MachineRef& machine, const Wait& wait);
  Result<std::vector<std::string>> keys_on_console(const MachineRef& machine, const Wait& wait);
  Result<> pin_host_keys(const MachineRef& machine, const Instance& instance, const Wait& wait);
  Result<std::vector<std::string>> keys_of_sshd(const Instance& instance, const Wait& wait);
  Error nobody_vouches(const MachineRef& machine, const Instance& instance, std::string why);
  Error is_another(const MachineRef& machine, const std::vector<std::string>& expected,
                   const std::vector<std::string>& shown) const;
  std::string what_it_costs(const MachineRef& machine, const Instance& instance) const;
  enum class Let { where_it_moved, anyhow };
  Result<> let_in(const MachineRef& machine, const Instance& instance, Let let, const Wait& wait);
  Result<> until_it_answers(const std::function<Result<>()>& knock, const MachineRef& machine,
                            const Instance& instance, const Wait& wait);

  void told(std::string_view text);

  Ec2Outside outside_;
  Ec2Records records_;
  Ec2Cache cache_;
  SharedThrottle throttle_;
  std::mutex tell_mutex_;
  std::function<void(std::string_view)> tell_;
  std::map<std::string, AwsSession> sessions_;  // by profile; "": none was named
  std::optional<std::string> checked_address_;  // by check_from, for the entrance that follows
  std::vector<std::string> notes_;
  // Answers of this object's life.
  std::map<std::string, Network> networks_;    // by place
  std::map<std::string, InstanceType> types_;  // by place and name
  std::map<std::string, Image> images_;        // by place, wish and type
  std::map<MachineRef, Seen> seen_;
};

}  // namespace carrel
