// A world whose one place is a FakePlace, a journal in a folder of the test's own, and a progress
// that remembers.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "fakes/fake_channel.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/fake_keeper.hpp"
#include "fakes/fake_provider.hpp"
#include "fakes/fake_random.hpp"
#include "fakes/no_http.hpp"
#include "fakes/temporary_folder.hpp"
#include "workspace/journal.hpp"
#include "workspace/world.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {

class ProgressLog final : public Progress {
 public:
  void begin(std::string_view name, std::string_view /*title*/,
             std::optional<std::chrono::milliseconds> /*usual*/) override {
    phases.emplace_back(name);
  }
  void detail(std::string_view text) override {
    details.emplace_back(text);
    if (on_detail) on_detail();
  }
  void end(std::string_view /*result*/) override {}
  void note(std::string_view text) override {
    notes.emplace_back(text);
    if (on_note) on_note();
  }
  std::vector<std::string> phases;
  std::vector<std::string> details;
  std::vector<std::string> notes;
  std::function<void()> on_detail;
  std::function<void()> on_note;
};

class WorldTest : public ::testing::Test {
 protected:
  WorldTest() { world.paths.state = folder.path(); }

  // A command: the provider and the journal's connection are made anew each time.
  Journal open_journal() const { return Journal::open(world.paths.journal()).value(); }
  WorkspaceRow added(std::string_view name) {
    const auto where = folder.path() / "folders" / name;
    std::filesystem::create_directories(where);
    return open_journal()
        .add_workspace({.id = WorkspaceId::make(clock.wall(), random.bytes(10)),
                        .name = WorkspaceName::from_folder(name),
                        .folder = where,
                        .created = clock.wall()})
        .value();
  }

  TemporaryFolder folder;
  FakeClock clock;
  FakeRandom random;
  NoHttp http;
  FakePlace place;
  FakePlace other_place;
  FakeProvider provider{place, clock};
  FakeProvider other_provider{other_place, clock, "other"};
  FakeMachine this_computer;
  FakeChannel here{this_computer};
  FakeKeeper keeper;
  World world{.clock = clock,
              .random = random,
              .http = http,
              .providers = {{"fake", &provider}, {"other", &other_provider}},
              .here = here,
              .paths = {},
              .keeper = keeper};
  ProgressLog progress;
};

}  // namespace carrel
