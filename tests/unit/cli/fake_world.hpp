// The world of a command, all of it under a test's control: no provider, a home of its own.
#pragma once

#include "cli/command.hpp"
#include "fakes/fake_channel.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/fake_keeper.hpp"
#include "fakes/fake_processes.hpp"
#include "fakes/fake_random.hpp"
#include "fakes/fake_terminal.hpp"
#include "fakes/no_http.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/wait.hpp"
#include "workspace/paths.hpp"
#include "workspace/world.hpp"

#include <unistd.h>

namespace carrel::cli {

struct FakeWorld {
  TemporaryFolder home;
  FakeClock clock;
  FakeRandom random;
  FakeProcesses processes;
  NoHttp http;
  FakeMachine machine;
  FakeChannel here{machine};
  FakeTerminal terminal;
  Interrupt interrupt;
  FakeKeeper keeper;
  World world{
      .clock = clock,
      .random = random,
      .processes = processes,
      .http = http,
      .here = here,
      .terminal = terminal,
      .interrupt = interrupt,
      .environment = {{"HOME", home.path().string()}, {"PATH", (home.path() / "bin").string()}},
      .folder = home.path(),
      .program = "carrel",
      .user = ::getuid(),
      .provider_names = {"local"},
      .providers = [](const WorkspacePaths&) { return Providers{}; },
      .keeper = [this](const WorkspacePaths&) -> PortKeeper& { return keeper; }};
};

}  // namespace carrel::cli
