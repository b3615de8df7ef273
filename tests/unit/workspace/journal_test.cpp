#include "workspace/journal.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "fakes/fake_random.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/sqlite.hpp"
#include "workspace/provider.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

constexpr WallTime then{std::chrono::seconds(1'795'519'000)};

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() { journal = std::make_unique<Journal>(open().value()); }
  Result<Journal> open() const { return Journal::open(file()); }
  std::filesystem::path file() const { return folder.path() / "journal.db"; }

  WorkspaceRow row(std::string_view name, const std::filesystem::path& where) {
    return {.id = WorkspaceId::make(then, random.bytes(10)),
            .name = WorkspaceName::from_folder(name),
            .folder = where,
            .flags = "port = 1\n",
            .created = then};
  }
  WorkspaceRow added(std::string_view name, const std::filesystem::path& where) {
    return journal->add_workspace(row(name, where)).value();
  }

  TemporaryFolder folder;
  FakeRandom random;
  std::unique_ptr<Journal> journal;
};

TEST_F(JournalTest, is_made_from_nothing_and_is_of_its_owner_alone) {
  EXPECT_TRUE(journal->workspaces().value().empty());
  added("a", "/a");
  for (const auto* name : {"journal.db", "journal.db-wal", "journal.db-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((folder.path() / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
  auto database = Database::open(file()).value();
  EXPECT_EQ(database.integer("pragma user_version").value(), 3);
  std::string mode;
  ASSERT_TRUE(database.each([&](const Row& one) { mode = one.text(0); }, "pragma journal_mode"));
  EXPECT_EQ(mode, "wal");
}

TEST_F(JournalTest, opened_again_has_what_was_written) {
  const auto first = added("a", "/home/ada/lesson");
  auto again = open().value();
  const auto rows = again.workspaces().value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].id, first.id);
  EXPECT_EQ(rows[0].name.text(), "a");
  EXPECT_EQ(rows[0].folder, "/home/ada/lesson");
  EXPECT_EQ(rows[0].wanted, Wanted::running);
  EXPECT_EQ(rows[0].flags, "port = 1\n");
  EXPECT_EQ(rows[0].created, then);
}

TEST_F(JournalTest, of_a_newer_carrel_is_refused_and_left_as_it_is) {
  added("a", "/a");
  journal.reset();
  {
    auto database = Database::open(file()).value();
    ASSERT_TRUE(database.script("pragma user_version = 99"));
  }
  const auto before = read_file(file()).value();
  for (int i = 0; i < 2; ++i) {
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().what.find("newer Carrel (schema 99, this one knows 3)"),
              std::string::npos)
        << refused.error().what;
    EXPECT_FALSE(refused.error().hint.empty());
  }
  EXPECT_EQ(read_file(file()).value(), before);
}

TEST_F(JournalTest, that_is_damaged_is_refused_and_left_as_it_is) {
  added("a", "/a");
  journal.reset();
  const auto good = read_file(file()).value();
  for (const auto& bytes : {std::string("this is no database, but a text that somebody saved here"),
                            std::string(8192, '\xAA'), good.substr(0, 4096) + "lost",
                            good.substr(0, 100) + std::string(good.size() - 100, '\x55')}) {
    for (const auto* name : {"journal.db-wal", "journal.db-shm"}) {
      std::filesystem::remove(folder.path() / name);
    }
    ASSERT_TRUE(write_file(file(), bytes, 0600));
    auto opened = open();
    const auto rows = opened ? opened->workspaces() : fail(opened.error());
    const auto failure = rows ? Error{} : rows.error();
    EXPECT_EQ(failure.reason, Reason::corrupt) << failure.what << failure.why;
    EXPECT_FALSE(failure.hint.empty());
    opened = fail(Error{});
    EXPECT_EQ(read_file(file()).value(), bytes);
  }
}

TEST_F(JournalTest, names_the_row_that_makes_no_sense) {
  auto database = Database::open(file()).value();
  ASSERT_TRUE(
      database.script("insert into workspace(id, name, folder, wanted, created_ms) values "
                      "('../../etc', 'a', '/a', 'running', 0)"));
  const auto rows = journal->workspaces();
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().reason, Reason::corrupt);
  EXPECT_NE(rows.error().what.find("workspace id"), std::string::npos);
}

TEST_F(JournalTest, has_one_workspace_for_each_folder) {
  const auto first = added("a", "/a");
  const auto second = added("b", "/a");
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.name, first.name);
  EXPECT_EQ(journal->workspaces().value().size(), 1U);
}

TEST_F(JournalTest, two_that_add_the_same_folder_at_once_get_the_same_workspace) {
  for (int round = 0; round < 10; ++round) {
    const auto where = std::filesystem::path("/folder") / std::to_string(round);
    std::vector<WorkspaceRow> rows;
    for (int i = 0; i < 4; ++i) rows.push_back(row("same", where));
    std::vector<std::optional<WorkspaceId>> got(rows.size());
    std::atomic<int> ready = 0;
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        threads.emplace_back([&, i] {
          auto own = open();
          ++ready;
          while (ready < static_cast<int>(rows.size())) std::this_thread::yield();
          if (auto answer = own ? own->add_workspace(rows[i]) : fail(Error{})) got[i] = answer->id;
        });
      }
    }
    for (const auto& id : got) {
      ASSERT_TRUE(id);
      EXPECT_EQ(*id, *got[0]);
    }
  }
  EXPECT_EQ(journal->workspaces().value().size(), 10U);
}

TEST(journal, two_that_make_it_at_once_both_get_it) {
  for (int round = 0; round < 10; ++round) {
    const TemporaryFolder folder;
    std::atomic<int> ready = 0;
    std::atomic<int> opened = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          ++ready;
          while (ready < 4) std::this_thread::yield();
          if (Journal::open(folder.path() / "journal.db")) ++opened;
        });
      }
    }
    EXPECT_EQ(opened, 4);
  }
}

TEST_F(JournalTest, numbers_a_name_that_another_folder_has) {
  EXPECT_EQ(added("a", "/1").name.text(), "a");
  EXPECT_EQ(added("a", "/2").name.text(), "a-2");
  EXPECT_EQ(added("a", "/3").name.text(), "a-3");
  EXPECT_EQ(added("a-2", "/4").name.text(), "a-2-2");
  ASSERT_TRUE(journal->forget(journal->by_name("a-2").value()->id));
  EXPECT_EQ(added("a", "/5").name.text(), "a-2") << "free again";
  EXPECT_EQ(journal->by_folder("/1").value()->name.text(), "a");
  EXPECT_FALSE(journal->by_name("nobody").value());
}

TEST_F(JournalTest, renames_unless_the_name_is_taken) {
  const auto a = added("a", "/a");
  const auto b = added("b", "/b");
  const auto refused = journal->set_name(a.id, b.name);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::exists);
  EXPECT_NE(refused.error().what.find("/b"), std::string::npos);
  EXPECT_TRUE(journal->set_name(a.id, a.name)) << "its own";
  EXPECT_TRUE(journal->set_name(a.id, WorkspaceName::from_folder("c")));
  EXPECT_EQ(journal->by_id(a.id).value()->name.text(), "c");
}

TEST_F(JournalTest, keeps_what_it_is_told_of_a_workspace_and_of_no_other) {
  const auto a = added("a", "/a");
  const auto b = added("b", "/b");
  ASSERT_TRUE(journal->want(a.id, Wanted::removed));
  ASSERT_TRUE(journal->set_flags(a.id, "public = true\n"));
  ASSERT_TRUE(journal->set_notebook(a.id, "x'y.ipynb"));
  ASSERT_TRUE(journal->set_proof(a.id, "{\"p\":1}"));
  ASSERT_TRUE(journal->set_environment(a.id, "key", "{\"e\":1}"));
  const auto changed = journal->by_id(a.id).value().value();
  EXPECT_EQ(changed.wanted, Wanted::removed);
  EXPECT_EQ(changed.flags, "public = true\n");
  EXPECT_EQ(changed.notebook, "x'y.ipynb");
  EXPECT_EQ(changed.proof, "{\"p\":1}");
  EXPECT_EQ(changed.environment_key, "key");
  EXPECT_EQ(changed.environment_json, "{\"e\":1}");
  const auto other = journal->by_id(b.id).value().value();
  EXPECT_EQ(other.wanted, Wanted::running);
  EXPECT_EQ(other.flags, b.flags);
  EXPECT_EQ(other.notebook + other.proof + other.environment_key + other.environment_json, "");
}

TEST_F(JournalTest, keeps_the_sequence_of_machines_and_answers_with_the_newest) {
  const auto a = added("a", "/a");
  const auto b = added("b", "/b");
  EXPECT_FALSE(journal->machine(a.id).value());
  const auto first = journal->add_machine(a.id, "token-1", "fake").value();
  EXPECT_EQ(first.sequence, 1);
  EXPECT_EQ(first.machine.ref, "");
  EXPECT_EQ(first.machine.provider, "fake");
  const MachineRef ref{.provider = "fake", .place = "here", .ref = "m-1"};
  ASSERT_TRUE(journal->set_machine(a.id, 1, ref));
  const auto second = journal->add_machine(a.id, "token-2", "fake").value();
  EXPECT_EQ(second.sequence, 2);
  EXPECT_EQ(second.token, "token-2");
  EXPECT_EQ(journal->add_machine(b.id, "token-3", "fake").value().sequence, 1);
  EXPECT_EQ(journal->machine(a.id).value()->sequence, 2);
  std::set<std::string> tokens;
  const auto machines = journal->machines().value();
  for (const auto& [id, machine] : machines) tokens.insert(machine.token);
  EXPECT_EQ(tokens, (std::set<std::string>{"token-2", "token-3"}));
  const auto twice = journal->add_machine(b.id, "token-1", "fake");
  ASSERT_FALSE(twice) << "a token is never used for two";
  EXPECT_EQ(twice.error().reason, Reason::exists);
}

TEST_F(JournalTest, keeps_a_server_as_it_was_put) {
  const auto a = added("a", "/a");
  EXPECT_FALSE(journal->server(a.id).value());
  const ServerRow bare{.workspace = a.id, .instance = "i-1", .port = 65535, .runtime_folder = "/r"};
  ASSERT_TRUE(journal->put_server(bare));
  auto read = journal->server(a.id).value().value();
  EXPECT_EQ(read.instance, "i-1");
  EXPECT_FALSE(read.process);
  EXPECT_EQ(read.port, 65535);
  EXPECT_FALSE(read.started || read.ready || read.stopped);
  const ProcessId process{.pid = 4194304, .start_ticks = 18446744073709551615U, .boot_id = "boot"};
  ASSERT_TRUE(journal->set_server_process(a.id, process, then));
  ASSERT_TRUE(journal->set_server_ready(a.id, then + std::chrono::seconds(1)));
  ASSERT_TRUE(journal->set_server_stopped(a.id, then + std::chrono::seconds(2)));
  read = journal->servers().value().at(0);
  ASSERT_TRUE(read.process);
  EXPECT_EQ(read.process->pid, process.pid);
  EXPECT_EQ(read.process->start_ticks, process.start_ticks);
  EXPECT_EQ(read.process->boot_id, "boot");
  EXPECT_EQ(read.started, then);
  EXPECT_EQ(read.ready, then + std::chrono::seconds(1));
  EXPECT_EQ(read.stopped, then + std::chrono::seconds(2));
  ASSERT_TRUE(journal->put_server({.workspace = a.id,
                                   .instance = "i-2",
                                   .port = 1,
                                   .port_asked_for = true,
                                   .public_reach = true,
                                   .runtime_folder = "/r"}));
  read = journal->server(a.id).value().value();
  EXPECT_EQ(read.instance, "i-2");
  EXPECT_TRUE(read.port_asked_for && read.public_reach);
  EXPECT_FALSE(read.process || read.started || read.ready || read.stopped) << "the whole row";
}

TEST_F(JournalTest, forgets_a_workspace_with_its_machines_and_server) {
  const auto a = added("a", "/a");
  const auto b = added("b", "/b");
  for (const auto& one : {a, b}) {
    ASSERT_TRUE(journal->add_machine(one.id, one.id.text(), "fake"));
    ASSERT_TRUE(journal->put_server({.workspace = one.id, .instance = "i", .runtime_folder = "/"}));
  }
  ASSERT_TRUE(journal->forget(a.id));
  EXPECT_TRUE(journal->forget(a.id)) << "twice";
  EXPECT_FALSE(journal->by_id(a.id).value());
  EXPECT_EQ(journal->machines().value().size(), 1U);
  EXPECT_EQ(journal->servers().value().size(), 1U);
  EXPECT_FALSE(journal->add_machine(a.id, "late", "fake")) << "nothing is kept for nobody";
  EXPECT_FALSE(journal->put_server({.workspace = a.id, .instance = "i", .runtime_folder = "/"}));
  EXPECT_EQ(added("a", "/a").name.text(), "a");
}

TEST_F(JournalTest, usual_is_the_median_of_the_last_five) {
  EXPECT_FALSE(journal->usual("server").value());
  struct Step {
    int took;
    int median;
  };
  // 100 | 100 900 | 5 100 900 | ... | the first is no longer among the last five
  for (const auto& step : std::vector<Step>{{100, 100},
                                            {900, 900},
                                            {5, 100},
                                            {200, 200},
                                            {300, 200},
                                            {301, 300},
                                            {302, 300},
                                            {303, 301}}) {
    ASSERT_TRUE(journal->add_timing("server", Milliseconds(step.took)));
    ASSERT_TRUE(journal->add_timing("other", Milliseconds(1)));
    EXPECT_EQ(journal->usual("server").value(), Milliseconds(step.median)) << step.took;
  }
  auto database = Database::open(file()).value();
  EXPECT_EQ(database.integer("select count(*) from timing where phase = 'server'").value(), 5);
}

}  // namespace
}  // namespace carrel
