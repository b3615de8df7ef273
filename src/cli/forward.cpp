#include "base/error.hpp"
#include "base/number.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/select.hpp"
#include "cli/show.hpp"
#include "keeper/door.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "workspace/workspaces.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel::cli {
namespace {

constexpr Milliseconds look_again{500};

struct Ports {
  std::uint16_t here = 0;
  std::uint16_t there = 0;
};

std::optional<std::uint16_t> port_in(std::string_view text) {
  const auto port = number_of<std::uint16_t>(text);
  return port && *port != 0 ? port : std::nullopt;
}

Result<Ports> ports_in(const std::string& text) {
  const auto parts = split(text, ':');
  const auto here = port_in(parts.front());
  const auto there = port_in(parts.back());
  if (parts.size() > 2 || !here || !there) {
    return usage_error(fmt::format("\"{}\" is no port", printable(text)),
                       "8000, or 9000:8000 for another one here");
  }
  return Ports{.here = *here, .there = *there};
}

// Until the person ends it; what becomes of the connection is said.
Result<> watch(CommandContext& context, const Door& door) {
  auto& terminal = context.world.terminal;
  LinkState said = LinkState::up;
  for (;;) {
    const auto paused = wait_for(-1, 0, context.wait().sooner(look_again));
    if (!paused && paused.error().reason == Reason::interrupted) return {};
    const auto state = door.state();
    const auto now = state.state == LinkState::up ? LinkState::up : LinkState::waiting;
    if (now == said) continue;
    said = now;
    terminal.err(now == LinkState::up
                     ? std::string("connected again\n")
                     : fmt::format("not connected; connections wait{}\n",
                                   state.why.empty() ? "" : ": " + one_line(state.why)));
  }
}

Result<> until_up(CommandContext& context, const Door& door) {
  for (;;) {
    const auto state = door.state();
    if (state.state == LinkState::up) return {};
    if (state.state == LinkState::waiting && !state.why.empty()) {
      return fail({.what = "the machine cannot be reached",
                   .why = state.why,
                   .hint = "carrel status says how it is",
                   .reason = Reason::unreachable,
                   .trace = {}});
    }
    constexpr Milliseconds soon{20};
    const auto paused = wait_for(-1, 0, context.wait().sooner(soon));
    if (!paused && paused.error().reason == Reason::interrupted) return paused;
  }
}

Result<int> run_forward(CommandContext& context) {
  const auto ports = TRY(ports_in(context.given.one("PORT")));
  auto workspaces = TRY(context.workspaces());
  const auto row = TRY(select_one(context, workspaces));
  auto way = TRY(workspaces.way_to_port(row, ports.there, context.wait()));
  way.port = ports.here;
  const auto paths = TRY(context.paths());
  TRY(make_private_folder(paths.run));
  auto door = Door::open(context.world.random, context.world.environment, way,
                         paths.run / ("f" + hex(context.world.random.bytes(4))));
  if (!door) {
    auto error = std::move(door).error();
    error.hint =
        fmt::format("another one here: carrel forward {} PORT:{}", row.name.text(), ports.there);
    return fail(std::move(error));
  }
  TRY(until_up(context, **door));
  context.world.terminal.out(fmt::format("http://127.0.0.1:{} is port {} of {}. Ctrl-C ends it.\n",
                                         ports.here, ports.there, row.name.text()));
  TRY(watch(context, **door));
  return 0;
}

}  // namespace

Command forward_command() {
  return {
      .name = "forward",
      .group = "Work",
      .summary = "bring a port of a workspace's machine to this computer",
      .arguments =
          {{.name = "NAME", .help = "a workspace", .required = true, .offers = Offers::workspaces},
           {.name = "PORT", .help = "the port, or HERE:THERE where they differ", .required = true}},
      .text =
          "For TensorBoard, a web server and the like: what listens on the machine's own "
          "loopback is reached through the verified ssh at the same port of this computer, and "
          "by nobody else, until Ctrl-C. A lost network is waited for, as the notebook's own "
          "port does.\n\n"
          "    carrel forward digits 6006\n"
          "    carrel forward digits 9000:8000",
      .run = run_forward};
}

}  // namespace carrel::cli
