// Which port a workspace gets, and whose it stays.
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/listener.hpp"
#include "os/ports.hpp"
#include "os/wait.hpp"
#include "unit/workspace/fixture.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/reach.hpp"
#include "workspace/site.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unistd.h>
#include <variant>

#include <gtest/gtest.h>

namespace carrel {
namespace {

class PortTest : public WorldTest {
 protected:
  WorkspaceRow with_port(std::string_view name, std::uint16_t port) {
    const auto row = added(name);
    auto journal = open_journal();
    EXPECT_TRUE(journal.put_server(
        {.workspace = row.id, .instance = "i", .port = port, .runtime_folder = "/run/w"}));
    return row;
  }
  Ports ports_of(const WorkspaceRow& row) {
    auto journal = open_journal();
    return ports_for(world, journal, row.id, false, Wait{}).value();
  }
  // A stranger's program listens there.
  Listener stranger = Listener::open(TcpAddress{.host = "127.0.0.1", .port = 0}).value();
  std::uint16_t taken = std::get<TcpAddress>(stranger.endpoint()).port;
};

TEST_F(PortTest, of_a_stopped_workspace_is_given_to_no_other) {
  const auto first = free_port("127.0.0.1", 8888).value();
  with_port("digits", first);
  const auto other = added("other");
  const auto found = choose_port(0, 0, ports_of(other));
  ASSERT_TRUE(found);
  EXPECT_NE(*found, first);
  const auto wished = choose_port(first, 0, ports_of(other));
  ASSERT_FALSE(wished);
  EXPECT_EQ(wished.error().reason, Reason::busy);
  EXPECT_TRUE(wished.error().why.contains("digits")) << wished.error().why;
}

TEST_F(PortTest, stays_the_workspaces_while_the_keeper_has_it) {
  const auto row = with_port("digits", taken);
  ASSERT_TRUE(keeper.keep({{.id = row.id, .port = taken}}, Wait{}));
  EXPECT_EQ(choose_port(0, taken, ports_of(row)).value(), taken);
  EXPECT_EQ(choose_port(taken, taken, ports_of(row)).value(), taken);
}

TEST_F(PortTest, that_a_stranger_has_taken_is_an_error_that_says_who_where_it_never_changes) {
  const auto row = with_port("digits", taken);
  const auto chosen = choose_port(0, taken, ports_of(row));
  ASSERT_FALSE(chosen);
  EXPECT_TRUE(chosen.error().why.contains(std::to_string(::getpid()))) << chosen.error().why;
  EXPECT_TRUE(chosen.error().hint.contains("--port")) << chosen.error().hint;
  EXPECT_EQ(choose_port(taken, taken, ports_of(row)).error().hint, chosen.error().hint);
  // another workspace's keeping does not help
  ASSERT_TRUE(keeper.keep({{.id = added("other").id, .port = taken}}, Wait{}));
  EXPECT_FALSE(choose_port(0, taken, ports_of(row)));
}

TEST_F(PortTest, that_a_stranger_has_taken_becomes_another_on_this_computer) {
  const auto row = with_port("digits", taken);
  auto journal = open_journal();
  const auto ports = ports_for(world, journal, row.id, true, Wait{}).value();
  EXPECT_NE(choose_port(0, taken, ports).value(), taken);
}

// The keeper gave it up, and `start` found another.
TEST_F(PortTest, rests_with_the_keeper_and_is_asked_for_before_the_machine_starts_again) {
  const auto row = with_port("digits", taken);
  auto journal = open_journal();
  ASSERT_TRUE(
      make_site(world, journal, row,
                {.provider = "fake", .plan = Plan{.offers = {{.place = "memory"}}, .hardware = {}}},
                progress, Wait{}));
  ASSERT_TRUE(journal.set_flags(row.id, "on = \"fake\"\n"));
  ASSERT_TRUE(keeper.keep({{.id = row.id, .port = taken}}, Wait{}));
  auto workspaces = Workspaces::open(world).value();
  ASSERT_TRUE(workspaces.stop(row, progress, Wait{}));
  EXPECT_TRUE(keeper.rested.contains(row.id.text()));
  EXPECT_TRUE(keeper.kept.contains(row.id.text()));
  keeper.kept.clear();  // its keeper has ended, and a stranger has the port
  place.calls.clear();
  const auto refused = workspaces.start(*open_journal().by_id(row.id).value(), progress, Wait{});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::busy) << refused.error().what;
  EXPECT_EQ(std::ranges::count(place.calls, "start"), 0);
}

}  // namespace
}  // namespace carrel
