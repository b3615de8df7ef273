// Ec2Provider against the rig (test_provider.py starts it). Its address, credentials and region
// come from the environment, as a person's do.
#include "workspace/provider.hpp"

#include "base/error.hpp"
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
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
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

// The rig's answers, but what it says of one machine's state is a word that nobody knows.
class OddHttps final : public Https {
 public:
  Result<HttpResponse> send(const HttpsRequest& request, const Wait& wait) override {
    auto answer = real_.send(request, wait);
    const auto at =
        odd.empty() || !answer ? std::string::npos : answer->body.find("<instanceId>" + odd + "<");
    if (at == std::string::npos) return answer;
    const std::string_view word = "<name>running</name>";
    const auto state = answer->body.find(word, at);
    if (state != std::string::npos) answer->body.replace(state, word.size(), "<name>odd</name>");
    return answer;
  }
  std::string odd;

 private:
  CurlHttps real_;
};

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
  void make_unanswerable(const MachineRef& machine) { https_.odd = machine.ref; }
  void make_answerable(const MachineRef& /*machine*/) { https_.odd.clear(); }

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

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(ec2, ProviderContract, RigSubject);

}  // namespace carrel
