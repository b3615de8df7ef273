// Ec2Provider against the rig: what its tests share. The rig's address, credentials and region come
// from the environment, as a person's do; test_provider.py starts it. Tests of OnRig want it
// without hosts, those of WithHosts with them.
#pragma once

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
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

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

using Json = nlohmann::json;

inline Wait patience() {
  return Wait::at_most(std::chrono::minutes(2));
}

inline std::string text_of(const Error& error) {
  return error.what + ": " + error.why + " (" + error.hint + ")";
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(result).value();
  ADD_FAILURE() << text_of(result.error());
  std::exit(1);
}
inline void must(Result<> result) {
  EXPECT_TRUE(result) << text_of(result.error());
}

inline Error killed() {
  return {.what = "killed", .exit = Exit::interrupted, .reason = Reason::interrupted, .trace = {}};
}

// The rig's answers, which a test may change, until the program dies at a call.
class OddHttps final : public Https {
 public:
  Result<HttpResponse> send(const HttpsRequest& request, const Wait& wait) override {
    if (calls_left == 0) return fail(killed());
    auto answer = real_.send(request, wait);
    if (calls_left > 0) {
      --calls_left;
      if (calls_left == 0 && answer_is_lost) return fail(killed());
    }
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

inline void replace_after(std::string& text, std::string_view after, std::string_view from,
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

}  // namespace carrel
