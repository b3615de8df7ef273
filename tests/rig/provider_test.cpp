// Ec2Provider against the rig (test_provider.py starts it). Its address, credentials and region
// come from the environment, as a person's do.
#include "workspace/provider.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/http.hpp"
#include "os/https.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"
#include "provider/ec2/ec2_provider.hpp"
#include "unit/workspace/provider_contract.hpp"
#include "workspace/paths.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::json;
constexpr auto minute = std::chrono::seconds(60);

Wait patience() {
  return Wait::at_most(2 * minute);
}

std::string text_of(const Error& error) {
  return error.what + ": " + error.why + " (" + error.hint + ")";
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(result).value();
  ADD_FAILURE() << text_of(result.error());
  std::exit(1);
}
void must(Result<> result) {
  EXPECT_TRUE(result) << text_of(result.error());
}

Error killed() {
  return {.what = "killed", .exit = Exit::interrupted, .reason = Reason::interrupted, .trace = {}};
}

// The rig's answers, which a test may change, until the program dies at a call.
class OddHttps final : public Https {
 public:
  Result<HttpResponse> send(const HttpsRequest& request, const Wait& wait) override {
    if (calls_left == 0) return fail(killed());
    auto answer = real_.send(request, wait);
    if (calls_left > 0 && --calls_left == 0 && answer_is_lost) return fail(killed());
    if (!lost_action.empty() && request.body.contains("Action=" + lost_action)) {
      return fail(killed());
    }
    if (answer && change) change(answer->body);
    return answer;
  }
  std::function<void(std::string&)> change;
  std::atomic<int> calls_left = -1;  // before the program dies; negative: it does not
  bool answer_is_lost = false;       // of the last call
  std::string lost_action;           // its answers never arrive: the program dies

 private:
  CurlHttps real_;
};

void replace_after(std::string& text, std::string_view after, std::string_view from,
                   std::string_view to) {
  const auto start = text.find(after);
  const auto at = start == std::string::npos ? start : text.find(from, start);
  if (at != std::string::npos) text.replace(at, from.size(), to);
}

class RigSubject {
 public:
  RigSubject() { must(control("reset", "{}")); }
  std::unique_ptr<Provider> open() {
    return std::make_unique<Ec2Provider>(Ec2Outside{.processes = processes_,
                                                    .https = https_,
                                                    .clock = clock_,
                                                    .random = random_,
                                                    .environment = environment_,
                                                    .paths = paths()});
  }
  void pass_time() { std::this_thread::sleep_for(Milliseconds(100)); }
  int looks = 600;
  std::size_t machines() {
    const auto shown = Json::parse(must(control("", ""))).at("instances");
    return static_cast<std::size_t>(std::ranges::count_if(
        shown, [](const Json& one) { return one.at("state") != "terminated"; }));
  }
  // EC2 says a word of its state that nobody knows.
  void make_unanswerable(const MachineRef& machine) {
    https_.change = [id = machine.ref](std::string& body) {
      replace_after(body, "<instanceId>" + id + "<", "<name>running</name>", "<name>odd</name>");
    };
  }
  void make_answerable(const MachineRef& /*machine*/) { https_.change = nullptr; }
  OddHttps& https() { return https_; }

  // The rig's control door; "" asks.
  Result<std::string> control(const std::string& door, const std::string& given) {
    const HttpsRequest request{.method = given.empty() ? "GET" : "POST",
                               .url = environment_.at("AWS_ENDPOINT_URL") + "/_rig/" + door,
                               .body = given};
    auto answer = TRY(https_.send(request, patience()));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return std::move(answer.body);
  }
  WorkspacePaths paths() const {
    const auto root = folder_.path();
    return {.state = root / "state", .data = root / "data", .cache = root / "cache", .run = root};
  }

 private:
  TemporaryFolder folder_;
  Environment environment_ = this_environment();
  SystemProcesses processes_;
  OddHttps https_;
  SystemClock clock_;
  SystemRandom random_;
};

class OnRig : public testing::Test {
 protected:
  MachineRef make(const std::string& token, const Hardware& hardware = {}) {
    return must(create(token, hardware));
  }
  Result<MachineRef> create(const std::string& token, const Hardware& hardware = {}) {
    auto offers = must(provider->offers(hardware, patience()));
    EXPECT_EQ(offers.front().blocked, std::vector<std::string>());
    return provider->create(
        {.token = token,
         .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
         .name = WorkspaceName::from_folder("test"),
         .offer = offers.front(),
         .hardware = hardware},
        patience());
  }
  Observation look(const MachineRef& machine) {
    return must(provider->observe({machine}, patience())).at(0);
  }
  Observation until(const MachineRef& machine, MachineState state) {
    auto seen = look(machine);
    for (int i = 0; i < subject.looks && seen.state != state; ++i) {
      subject.pass_time();
      seen = look(machine);
    }
    EXPECT_EQ(static_cast<int>(seen.state), static_cast<int>(state)) << seen.reason;
    return seen;
  }
  void set(const Json& settings) { must(subject.control("settings", settings.dump())); }
  // What was called since the rig's reset, but for what only looks at machines.
  std::vector<std::string> calls() {
    std::vector<std::string> actions;
    for (const auto& entry : Json::parse(must(subject.control("log", "")))) {
      actions.push_back(entry.at("action"));
    }
    return actions;
  }

  RigSubject subject;
  std::unique_ptr<Provider> provider = subject.open();
};

using WithHosts = OnRig;

TEST_F(WithHosts, a_machine_is_launched_verified_reached_stopped_and_reached_again_elsewhere) {
  const auto machine = make("token-a");
  const auto first = until(machine, MachineState::running);
  Command id;
  id.argv = {"id", "-un"};
  {
    const auto channel = must(provider->channel(machine, patience()));
    const auto said = must(channel->run(id, patience()));
    EXPECT_EQ(said.output, "ubuntu\n") << said.error;
    id.argv = {"sudo", "-n", "systemctl", "show", "-P", "TimersMonotonic", "carrel-lifetime.timer"};
    EXPECT_TRUE(must(channel->run(id, patience())).output.contains("OnBootUSec=12h"));
  }
  must(provider->stop(machine, StopHow::gracefully, patience()));
  EXPECT_GT(until(machine, MachineState::stopped).cost_per_day.micro_usd, 0);
  const auto asked_consoles = std::ranges::count(calls(), "GetConsoleOutput");
  EXPECT_GE(asked_consoles, 1);

  provider = subject.open();
  must(provider->start(machine, patience()));
  const auto second = until(machine, MachineState::running);
  EXPECT_NE(first.addresses, second.addresses);
  {
    const auto channel = must(provider->channel(machine, patience()));
    id.argv = {"id", "-un"};
    EXPECT_EQ(must(channel->run(id, patience())).output, "ubuntu\n");
  }
  EXPECT_EQ(std::ranges::count(calls(), "GetConsoleOutput"), asked_consoles)
      << "its keys were pinned";

  must(provider->remove(machine, Keep::nothing, patience()));
  until(machine, MachineState::gone);
  EXPECT_FALSE(std::filesystem::exists(subject.paths().state / "ec2/machines" / machine.ref));
  EXPECT_TRUE(std::filesystem::exists(subject.paths().state / "ec2/key/id"));
}

TEST_F(OnRig, offers_every_zone_that_has_the_cheapest_type_with_what_it_costs) {
  const auto offers = must(provider->offers({}, patience()));
  ASSERT_GT(offers.size(), 1U);
  for (const auto& offer : offers) {
    EXPECT_EQ(offer.blocked, std::vector<std::string>());
    EXPECT_EQ(offer.place, "us-east-1");
    EXPECT_EQ(offer.type, "g4dn.xlarge");
    EXPECT_TRUE(offer.zone.starts_with("us-east-1")) << offer.zone;
    EXPECT_TRUE(offer.price_known);
    // $0.526, $0.005 for the address, 100 GB at $0.08 a month
    EXPECT_EQ(offer.per_day_stopped.micro_usd, 266'666);
    EXPECT_EQ(offer.per_hour.micro_usd, 526'000 + 5'000 + 11'111);
    EXPECT_FALSE(offer.age) << "nothing was cached";
  }
}

TEST_F(OnRig, says_what_stands_in_the_way) {
  struct Case {
    const char* what;
    Json settings;
    Hardware hardware;
    std::vector<std::string> says;
  };
  const std::vector<Case> cases = {
      {"a quota that is too small",
       {{"quotas", {{"L-DB2E81BA", 3}}}},
       {},
       {"g4dn.xlarge needs 4 vCPUs; the quota L-DB2E81BA of this account in us-east-1 is 3, and 0 "
        "run already. Ask for 4"}},
      {"a quota that nobody has raised",
       {{"quotas", {{"L-DB2E81BA", nullptr}}}},
       {},
       {"is 0, and"}},
      {"the quota of another family",
       Json::object(),
       {.gpu = "A100", .gpu_count = 8},
       {"p4d.24xlarge needs 96 vCPUs; the quota L-417A185B"}},
      {"the free plan", {{"plan", "FREE"}}, {}, {"Free plan"}},
      {"an image that is not there",
       Json::object(),
       {.image = "ami-00000000000000000"},
       {"there is no image ami-00000000000000000 in us-east-1"}},
      {"a name that no image has",
       Json::object(),
       {.image = "nothing of this name"},
       {"there is no image \"nothing of this name\" for g4dn.xlarge in us-east-1"}},
      {"an image for other machines",
       Json::object(),
       {.type = "g5g.xlarge", .image = "ubuntu*amd64*"},
       {"for g5g.xlarge"}},
      {"a GPU that today's images do not support",
       {{"quotas", {{"L-417A185B", 96}}}},
       {.gpu = "v100", .gpu_count = 8},
       {"no Deep Learning image of today runs on p3dn.24xlarge"}},
      {"a number of GPUs that no machine has",
       Json::object(),
       {.gpu_count = 3},
       {"EC2 has no machine with 3 T4: it has them with 1, 4, 8"}},
      {"a type that is not there",
       Json::object(),
       {.type = "g9.huge"},
       {"there is no type g9.huge"}},
  };
  for (const auto& one : cases) {
    must(subject.control("reset", "{}"));
    set(one.settings);
    const auto offers = must(subject.open()->offers(one.hardware, patience()));
    ASSERT_FALSE(offers.empty()) << one.what;
    ASSERT_EQ(offers.front().blocked.size(), one.says.size()) << one.what;
    for (std::size_t i = 0; i < one.says.size(); ++i) {
      EXPECT_TRUE(offers.front().blocked[i].contains(one.says[i])) << offers.front().blocked[i];
    }
  }
}

TEST_F(OnRig, a_gpu_that_nobody_knows_is_a_mistake_of_whoever_asked) {
  const auto offers = provider->offers({.gpu = "A10"}, patience());
  ASSERT_FALSE(offers);
  EXPECT_EQ(offers.error().exit, Exit::usage);
  EXPECT_TRUE(offers.error().hint.contains("did you mean A10G?")) << offers.error().hint;
}

TEST_F(OnRig, an_unknown_price_is_said_and_prices_tell_their_age) {
  must(subject.control(
      "faults", R"({"faults": [{"kind": "internal", "action": "GetProducts", "count": 6}]})"));
  EXPECT_FALSE(must(provider->offers({}, patience())).front().price_known);
  must(subject.control("faults", R"({"faults": []})"));
  EXPECT_FALSE(must(provider->offers({}, patience())).front().age);
  subject.pass_time();
  const auto again = must(subject.open()->offers({}, patience())).front();
  EXPECT_TRUE(again.price_known);
  ASSERT_TRUE(again.age);
  EXPECT_GT(again.age->count(), 0);
}

TEST_F(OnRig, a_first_machine_takes_at_most_twenty_calls_and_another_thirteen) {
  make("token-a");
  EXPECT_LE(calls().size(), 19U) << "and one more for its address";
  const auto before = calls().size();
  provider = subject.open();
  make("token-b");
  EXPECT_LE(calls().size() - before, 12U) << "and one more for its address";
}

TEST_F(OnRig, what_is_launched_is_tagged_encrypted_and_stops_when_it_is_shut_down) {
  make("token-a", {.disk_gib = 120, .lifetime = std::chrono::hours(3)});
  const auto log = Json::parse(must(subject.control("log", "")));
  const auto run = std::ranges::find(
      log, "RunInstances", [](const Json& e) { return e.at("action").get<std::string>(); });
  ASSERT_NE(run, log.end());
  const auto& params = run->at("params");
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"ClientToken", "token-a"},
      {"InstanceInitiatedShutdownBehavior", "stop"},
      {"MetadataOptions.HttpTokens", "required"},
      {"BlockDeviceMapping.1.Ebs.Encrypted", "true"},
      {"BlockDeviceMapping.1.Ebs.VolumeType", "gp3"},
      {"BlockDeviceMapping.1.Ebs.VolumeSize", "120"},
      {"TagSpecification.1.Tag.1.Key", "Name"},
      {"TagSpecification.1.Tag.1.Value", "test"},
      {"TagSpecification.2.Tag.3.Key", "carrel:owner"},
      {"TagSpecification.2.Tag.3.Value", "tester"},
      {"TagSpecification.3.Tag.4.Key", "carrel:token"},
      {"TagSpecification.3.Tag.4.Value", "token-a"},
  };
  for (const auto& [name, value] : wanted) EXPECT_EQ(params.value(name, ""), value) << name;
  EXPECT_TRUE(params.at("KeyName").get<std::string>().starts_with("carrel-tester-"));
}

TEST_F(OnRig, the_same_token_in_another_zone_and_with_another_wish_is_the_same_machine) {
  const auto first = make("token-a");
  auto offers = must(provider->offers({}, patience()));
  const auto again = provider->create(
      {.token = "token-a",
       .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(2)), "0123456789"),
       .name = WorkspaceName::from_folder("other"),
       .offer = offers.back(),
       .hardware = {.disk_gib = 300}},
      patience());
  EXPECT_EQ(must(again), first);
  EXPECT_EQ(subject.machines(), 1U);
}

TEST_F(OnRig, a_launch_whose_answer_was_lost_is_asked_for_again_in_its_zone_while_ec2_hides_it) {
  for (const int disk_gib : {100, 200}) {  // with another disk EC2 refuses the token
    must(subject.control("reset", "{}"));
    set({{"hidden_calls", 5}});
    provider = subject.open();
    const auto offers = must(provider->offers({}, patience()));
    ASSERT_NE(offers.front().zone, offers.back().zone);
    const auto create_at = [&](const Offer& offer, int gib) {
      return provider->create(
          {.token = "token-a",
           .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
           .name = WorkspaceName::from_folder("test"),
           .offer = offer,
           .hardware = {.disk_gib = gib}},
          patience());
    };
    subject.https().lost_action = "RunInstances";
    EXPECT_FALSE(create_at(offers.front(), 100));
    subject.https().lost_action.clear();
    EXPECT_EQ(must(provider->find("token-a", patience())), std::nullopt) << "it is hidden";
    const auto again = must(create_at(offers.back(), disk_gib));
    EXPECT_EQ(subject.machines(), 1U);
    EXPECT_EQ(must(provider->find("token-a", patience())), again);
  }
}

TEST_F(OnRig, a_zone_without_room_is_told_apart_from_a_quota) {
  set({{"capacity", {{"us-east-1a", 0}}}});
  const auto full = create("token-a");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().reason, Reason::no_capacity) << text_of(full.error());
  EXPECT_EQ(subject.machines(), 0U);

  const auto offers = must(provider->offers({}, patience()));
  set({{"quotas", {{"L-DB2E81BA", 0}}}});
  const auto quota = provider->create(
      {.token = "token-b",
       .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
       .name = WorkspaceName::from_folder("test"),
       .offer = offers.back()},
      patience());
  ASSERT_FALSE(quota);
  EXPECT_EQ(quota.error().exit, Exit::act);
  EXPECT_EQ(quota.error().reason, Reason::refused);
  EXPECT_EQ(quota.error().code, "VcpuLimitExceeded");
}

TEST_F(OnRig, a_stopped_machine_whose_zone_is_full_says_so) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  must(provider->stop(machine, StopHow::gracefully, patience()));
  until(machine, MachineState::stopped);
  set({{"capacity", {{"us-east-1a", 0}}}});
  const auto started = provider->start(machine, patience());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().reason, Reason::no_capacity);
  EXPECT_TRUE(started.error().hint.contains("stays in its zone"));
}

TEST_F(OnRig, a_machine_that_ends_while_it_starts_says_why) {
  set({{"launch_failure", "Client.VolumeLimitExceeded: Volume limit exceeded"}});
  const auto seen = until(make("token-a"), MachineState::gone);
  EXPECT_EQ(seen.reason, "Client.VolumeLimitExceeded: Volume limit exceeded");
}

TEST_F(OnRig, a_machine_that_ec2_does_not_show_yet_is_pending_and_can_be_removed) {
  set({{"hidden_calls", 3}});
  const auto machine = make("token-a");
  const auto seen = look(machine);
  EXPECT_EQ(static_cast<int>(seen.state), static_cast<int>(MachineState::pending));
  EXPECT_EQ(seen.reason, "EC2 does not show it yet");
  must(provider->remove(machine, Keep::nothing, patience()));
  until(machine, MachineState::gone);
  EXPECT_EQ(subject.machines(), 0U);
}

TEST_F(OnRig, a_region_that_does_not_answer_makes_its_machines_unknown_and_no_others) {
  const auto here = make("token-a");
  const auto there = make("token-b", {.region = "eu-west-1"});
  EXPECT_EQ(there.place, "eu-west-1");
  until(here, MachineState::running);
  until(there, MachineState::running);
  EXPECT_EQ(must(subject.open()->find("token-b", patience())), there);
  // The questions are asked in the order of the regions' names, each at most three times.
  must(subject.control(
      "faults",
      R"({"faults": [{"kind": "internal", "action": "DescribeInstances", "count": 3}]})"));
  const auto seen = must(provider->observe({here, there}, patience()));
  EXPECT_EQ(static_cast<int>(seen[0].state), static_cast<int>(MachineState::running));
  EXPECT_EQ(static_cast<int>(seen[1].state), static_cast<int>(MachineState::unknown));
  EXPECT_TRUE(seen[1].reason.contains("DescribeInstances")) << seen[1].reason;
  EXPECT_EQ(seen[1].last_known, MachineState::running);
}

TEST_F(OnRig, a_console_without_host_keys_is_never_connected_to) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  set({{"console", {{"withhold", true}}}});
  const auto channel = provider->channel(machine, Wait::at_most(std::chrono::seconds(1)));
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().reason, Reason::unverified);
  EXPECT_EQ(channel.error().exit, Exit::act);
  EXPECT_TRUE(channel.error().hint.contains("costs money")) << text_of(channel.error());
  EXPECT_FALSE(std::filesystem::exists(subject.paths().state / "ec2/machines" / machine.ref /
                                       "known_hosts"));
}

TEST_F(OnRig, another_address_is_let_in_and_the_one_before_stays) {
  make("token-a");
  set({{"caller", "203.0.113.9"}});
  make("token-b");
  const auto log = Json::parse(must(subject.control("log", "")));
  std::vector<std::string> opened;
  for (const auto& entry : log) {
    if (entry.at("action") == "AuthorizeSecurityGroupIngress") {
      opened.push_back(entry.at("params").dump());
    }
    EXPECT_NE(entry.at("action"), "RevokeSecurityGroupIngress");
  }
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_TRUE(opened[0].contains("127.0.0.1/32")) << opened[0];
  EXPECT_TRUE(opened[1].contains("203.0.113.9/32")) << opened[1];
}

TEST_F(OnRig, an_address_that_is_none_opens_nothing) {
  set({{"caller", "0.0.0.0/0"}});
  const auto made = create("token-a");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().exit, Exit::act);
  EXPECT_EQ(subject.machines(), 0U);
  const auto asked = calls();
  EXPECT_EQ(std::ranges::count(asked, "AuthorizeSecurityGroupIngress"), 0);
}

TEST_F(OnRig, killed_before_or_after_any_call_and_run_again_there_is_one_machine) {
  const auto offer = must(provider->offers({}, patience())).front();
  const auto create_with = [&](Provider& with) {
    return with.create(
        {.token = "token-a",
         .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
         .name = WorkspaceName::from_folder("test"),
         .offer = offer},
        patience());
  };
  int done = 0;
  for (int calls = 0; done < 2; ++calls) {
    done = 0;
    ASSERT_LT(calls, 20) << "it never ends";
    for (const bool lost : {false, true}) {
      must(subject.control("reset", "{}"));
      subject.https().answer_is_lost = lost;
      subject.https().calls_left = calls;
      if (create_with(*subject.open())) ++done;
      subject.https().calls_left = -1;
      const auto machine = must(create_with(*subject.open()));
      EXPECT_EQ(subject.machines(), 1U) << calls << (lost ? " and its answer" : "");
      EXPECT_EQ(must(subject.open()->find("token-a", patience())), machine);
    }
  }
}

TEST_F(OnRig, whatever_happens_to_a_call_that_makes_something_there_is_one_machine_in_the_end) {
  for (const auto* action :
       {"ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RunInstances"}) {
    for (const auto* kind : {"lost", "truncated", "throttled", "html", "refused"}) {
      must(subject.control("reset", "{}"));
      must(subject.control(
          "faults", Json{{"faults", {{{"kind", kind}, {"action", action}, {"count", 1}}}}}.dump()));
      provider = subject.open();
      const auto first = create("token-a");
      EXPECT_TRUE(first) << action << " " << kind << ": " << text_of(first.error());
      EXPECT_EQ(create("token-a").value_or(MachineRef{}), first.value_or(MachineRef{}));
      EXPECT_EQ(subject.machines(), 1U) << action << " " << kind;
    }
  }
}

TEST_F(OnRig, who_may_not_ask_for_quotas_plan_and_prices_may_still_launch) {
  set({{"deny",
        {"servicequotas:GetServiceQuota", "freetier:GetAccountPlanState", "pricing:GetProducts"}}});
  EXPECT_FALSE(must(provider->offers({}, patience())).front().price_known);
  until(make("token-a"), MachineState::running);
}

TEST_F(OnRig, who_may_not_launch_is_told_so_in_aws_words) {
  set({{"deny", {"ec2:RunInstances"}}});
  const auto made = create("token-a");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().exit, Exit::act);
  EXPECT_EQ(made.error().code, "UnauthorizedOperation");
}

TEST_F(OnRig, many_machines_are_one_question) {
  std::vector<MachineRef> machines = {make("token-a"), make("token-b")};
  until(machines[0], MachineState::running);
  const auto before = calls().size();
  for (int i = 0; i < 198; ++i) {
    machines.push_back({.provider = "ec2", .place = "us-east-1", .ref = "i-" + std::to_string(i)});
  }
  const auto seen = must(provider->observe(machines, patience()));
  EXPECT_EQ(calls().size() - before, 1U);
  ASSERT_EQ(seen.size(), machines.size());
  EXPECT_EQ(static_cast<int>(seen[1].state), static_cast<int>(MachineState::running));
  EXPECT_EQ(static_cast<int>(seen[2].state), static_cast<int>(MachineState::gone));
  // More than a filter takes: those that Carrel made, then what is left.
  machines.push_back(machines[1]);
  machines.push_back({.provider = "ec2", .place = "us-east-1", .ref = "i-fff"});
  const auto more = must(provider->observe(machines, patience()));
  EXPECT_LE(calls().size() - before, 3U);
  EXPECT_EQ(static_cast<int>(more[200].state), static_cast<int>(MachineState::running));
  EXPECT_EQ(static_cast<int>(more[201].state), static_cast<int>(MachineState::gone));
}

TEST_F(OnRig, a_machine_that_still_starts_cannot_be_stopped_and_says_so) {
  set({{"pending_s", 60.0}});
  const auto machine = make("token-a");
  const auto stopped = provider->stop(machine, StopHow::gracefully, patience());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().reason, Reason::busy);
  EXPECT_TRUE(stopped.error().hint.contains("pending")) << stopped.error().hint;
  EXPECT_TRUE(provider->start(machine, patience())) << "it is on its way";
}

TEST_F(OnRig, a_key_pair_of_this_name_with_another_key_is_not_used) {
  make("token-a");
  subject.https().change = [](std::string& body) {
    replace_after(body, "DescribeKeyPairs", "<keyFingerprint>", "<keyFingerprint>A");
  };
  const auto made = create("token-b");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, Reason::unverified);
  EXPECT_EQ(made.error().exit, Exit::act);
  EXPECT_EQ(subject.machines(), 1U);
}

TEST_F(OnRig, the_private_key_is_private_and_goes_to_nobody) {
  make("token-a");
  const auto key = subject.paths().state / "ec2/key/id";
  EXPECT_EQ(std::filesystem::status(key).permissions(), std::filesystem::perms(0600));
  const auto lines = lines_of(must(read_file(key)));
  ASSERT_GT(lines.size(), 3U);
  EXPECT_FALSE(must(subject.control("log", "")).contains(lines[1]));
}

TEST_F(WithHosts, a_machine_with_other_host_keys_than_its_console_showed_is_not_spoken_to) {
  const auto machine = make("token-a");
  until(machine, MachineState::running);
  set({{"console", {{"falsify", true}}}});
  const auto channel = provider->channel(machine, patience());
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().reason, Reason::unverified) << text_of(channel.error());
}

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(ec2, ProviderContract, RigSubject);

}  // namespace carrel
