// How a server is started; what that leaves when it does not go well.
#include "workspace/server.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "fakes/fake_channel.hpp"
#include "fakes/fake_random.hpp"
#include "os/connection.hpp"
#include "os/listener.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"
#include "unit/workspace/fixture.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/world.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

class ServerStart : public WorldTest {
 protected:
  ServerStart() {
    place.this_computer = true;
    world.paths.run = folder.path() / "run";
  }
  Site site_of(const WorkspaceRow& row) {
    return {.row = row,
            .machine = {.workspace = row.id, .machine = {.provider = "fake", .ref = "here"}},
            .provider = &provider,
            .channel = std::make_unique<FakeChannel>(this_computer),
            .paths = world.paths,
            .folder = row.folder};
  }
  Result<ServerRow> start(Journal& journal, const WorkspaceRow& row) {
    auto site = site_of(row);
    return start_server(world, journal, site, {.python = "/jupyter/python"}, progress, Wait{});
  }
  // Jupyter that listens on the port of its configuration, and ends otherwise than it should.
  void listens_and(const WorkspaceRow& row, Result<ProcessResult> ends) {
    const auto config = site_of(row).folder_of_state() / "config.json";
    this_computer.commands.when(
        {"/jupyter/python"}, [this, config, ends](const ProcessSpec&) -> Result<ProcessResult> {
          const auto json = nlohmann::json::parse(this_computer.files.at(config).bytes);
          listener = Listener::open(TcpAddress{.host = "127.0.0.1",
                                               .port = json.at("port").get<std::uint16_t>()})
                         .value();
          return ends;
        });
  }
  World world_with(Random& its_random) {
    return {.clock = clock,
            .random = its_random,
            .http = http,
            .providers = world.providers,
            .here = here,
            .paths = world.paths,
            .keeper = keeper};
  }
  std::optional<Listener> listener;
};

// It may have come up all the same: the next command must find it by what is written down.
TEST_F(ServerStart, that_was_cut_off_stays_written_down_also_when_its_port_is_taken_now) {
  const auto row = added("digits");
  listens_and(row, fail({.what = "interrupted", .reason = Reason::interrupted}));
  auto journal = open_journal();
  const auto started = start(journal, row);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().reason, Reason::interrupted);
  ASSERT_EQ(this_computer.commands.calls().size(), 1U);
  EXPECT_EQ(journal.server(row.id).value()->instance,
            this_computer.commands.calls()[0].environment.at("CARREL_SERVER"));
}

TEST_F(ServerStart, tries_the_next_port_where_another_was_quicker) {
  const auto row = added("digits");
  listens_and(row, ProcessResult{.status = 1, .output = R"({"error":"port taken"})", .error = ""});
  auto journal = open_journal();
  const auto started = start(journal, row);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().what, "port taken");
  EXPECT_GT(this_computer.commands.calls().size(), 1U);
}

TEST_F(ServerStart, of_several_at_once_takes_a_port_each) {
  place.this_computer = false;
  constexpr int count = 8;
  std::vector<WorkspaceRow> rows;
  for (int i = 0; i < count; ++i) rows.push_back(added("w" + std::to_string(i)));
  {
    std::vector<std::jthread> threads;
    for (const auto& row : rows) {
      threads.emplace_back([&, row] {
        FakeMachine machine;  // there is no Jupyter on it: what was written down is looked at
        FakeRandom own_random;
        auto own_world = world_with(own_random);
        auto site = site_of(row);
        site.channel = std::make_unique<FakeChannel>(machine);
        auto journal = open_journal();
        SilentProgress silent;
        EXPECT_FALSE(start_server(own_world, journal, site, {.python = "/jupyter/python"}, silent,
                                  Wait::at_most(std::chrono::seconds(20))));
      });
    }
  }
  std::set<std::uint16_t> ports;
  const auto servers = open_journal().servers().value();
  for (const auto& server : servers) ports.insert(server.port);
  EXPECT_EQ(ports.size(), std::size_t{count});
}

}  // namespace
}  // namespace carrel
