#include "provider/local/local_provider.hpp"

#include "fakes/fake_processes.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"
#include "unit/workspace/provider_contract.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

namespace carrel {
namespace {

class LocalSubject {
 public:
  std::unique_ptr<Provider> open() {
    return std::make_unique<LocalProvider>(processes_, paths(), Environment{});
  }
  void pass_time() {}
  int looks = 1;
  std::size_t machines() {
    std::error_code error;
    const std::filesystem::directory_iterator files(folder_.path() / "machines", error);
    return error ? 0 : static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }
  // A folder cannot be read as a file, not even by root.
  void make_unanswerable(const MachineRef& machine) {
    std::filesystem::rename(file(machine), folder_.path() / "aside");
    std::filesystem::create_directory(file(machine));
  }
  void make_answerable(const MachineRef& machine) {
    std::filesystem::remove(file(machine));
    std::filesystem::rename(folder_.path() / "aside", file(machine));
  }
  WorkspacePaths paths() const {
    WorkspacePaths paths;
    paths.state = folder_.path();
    return paths;
  }
  std::filesystem::path file(const MachineRef& machine) const {
    return folder_.path() / "machines" / ("machine-" + machine.ref);
  }

 private:
  FakeProcesses processes_;
  TemporaryFolder folder_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(local, ProviderContract, LocalSubject);

namespace {

TEST(local_provider, costs_nothing_and_is_this_computer) {
  LocalSubject subject;
  const auto facts = subject.open()->facts();
  EXPECT_TRUE(facts.this_computer);
  EXPECT_FALSE(facts.costs_money);
  EXPECT_FALSE(facts.wall_time);
  EXPECT_GT(facts.poll.first.count(), 0);
  EXPECT_LE(facts.poll.first, facts.poll.cap);
  const auto offers = subject.open()->offers(Hardware{}, Wait{});
  ASSERT_TRUE(offers);
  ASSERT_EQ(offers->size(), 1U);
  EXPECT_EQ(offers->front().per_hour, Money{});
}

TEST(local_provider, a_ref_from_a_damaged_journal_leads_nowhere_outside) {
  LocalSubject subject;
  const auto provider = subject.open();
  const auto outside = subject.paths().state / "precious";
  ASSERT_TRUE(write_file(outside, "mine", 0600));
  ASSERT_TRUE(make_folder(subject.paths().state / "machines"));
  for (const auto* ref : {"../precious", "..", ".", "/", "", "machines/..", "a/../../precious"}) {
    const MachineRef machine{.provider = "local", .place = "this computer", .ref = ref};
    EXPECT_EQ(provider->observe({machine}, Wait{}).value().front().state, MachineState::gone)
        << ref;
    EXPECT_TRUE(provider->stop(machine, StopHow::gracefully, Wait{})) << ref;
    EXPECT_TRUE(provider->start(machine, Wait{})) << ref;
    EXPECT_TRUE(provider->remove(machine, Keep::nothing, Wait{})) << ref;
    EXPECT_EQ(read_file(outside).value_or("lost"), "mine") << ref;
    EXPECT_TRUE(std::filesystem::is_directory(subject.paths().state / "machines")) << ref;
  }
}

TEST(local_provider, a_state_folder_that_cannot_be_written_is_an_error_and_makes_nothing) {
  LocalSubject subject;
  ASSERT_TRUE(write_file(subject.paths().state / "machines", "a file in the way", 0600));
  const auto made = subject.open()->create(
      {.token = "a",
       .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
       .name = WorkspaceName::from_folder("x"),
       .offer = {}},
      Wait{});
  ASSERT_FALSE(made);
  EXPECT_FALSE(made.error().why.empty());
}

}  // namespace
}  // namespace carrel
