// Environments against a real shell and real files, with a uv that is a few lines of sh.
#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "channel/direct.hpp"
#include "environment/environment.hpp"
#include "environment/running.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view fake_uv = R"sh(#!/bin/sh
root=$(dirname "$0")/../..
case "$1 $2" in
  "python find") command -v python3; exit ;;
esac
printf '%s\n' "$*" >>"$root/calls"
if [ -e "$root/kill" ]; then rm "$root/kill"; kill -9 $PPID; exit 1; fi
if [ -e "$root/fail" ]; then cat "$root/fail" >&2; exit 1; fi
case $1 in
  venv)
    for folder do :; done
    mkdir -p "$folder/bin" "$folder/lib/python3/site-packages"
    ln -s "$(command -v python3)" "$folder/bin/python"
    echo "relocatable = true" >"$folder/pyvenv.cfg" ;;
  pip)
    site=$(dirname "$4")/../lib/python3/site-packages
    mkdir -p "$site/six-1.0.dist-info"
    echo "version = 1" >"$site/six.py"
    sleep 0.2 ;;
esac
)sh";

struct Notes final : Progress {
  void begin(std::string_view, std::string_view,
             std::optional<std::chrono::milliseconds>) override {}
  void detail(std::string_view text) override { details.emplace_back(text); }
  void end(std::string_view) override {}
  void note(std::string_view text) override { notes.emplace_back(text); }
  std::vector<std::string> details;
  std::vector<std::string> notes;
};

class EnvironmentsOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "carrel it's $HOME XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    paths_ = {.cache = root_ / "cache", .data = root_ / "data", .image = root_ / "opt"};
    const auto uv = uv_program(paths_);
    fs::create_directories(uv.parent_path());
    write(uv, fake_uv);
    fs::permissions(uv, fs::perms::owner_all);
  }
  void TearDown() override { EXPECT_TRUE(remove_tree(root_)); }

  static void write(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }
  std::string calls() const { return read_file(root_ / "data" / "calls").value_or(""); }
  static EnvironmentSpec requirements(const std::string& text) {
    FolderFiles files;
    files.folder = "/nowhere";
    files.contents["requirements.txt"] = text;
    return choose_environment({}, files).value();
  }
  static WorkspaceId workspace(char last) {
    return WorkspaceId::parse(std::string(25, '0') + last).value();
  }
  Result<PreparedEnvironment> prepare(const EnvironmentSpec& spec, char id, Progress& progress) {
    SystemProcesses processes;
    DirectChannel channel(processes, this_environment());
    return Environments(channel, paths_).prepare(spec, workspace(id), progress, Wait{});
  }
  std::vector<fs::path> templates() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(paths_.cache / "templates")) {
      if (entry.is_directory()) found.push_back(entry.path());
    }
    return found;
  }

  fs::path root_;
  EnvironmentPaths paths_;
  Notes notes_;
};

TEST_F(EnvironmentsOnDisk, gives_each_workspace_a_copy_of_one_template) {
  const auto first = prepare(requirements("six"), '1', notes_);
  ASSERT_TRUE(first) << first.error().what << first.error().why;
  const auto after_first = calls();
  ASSERT_FALSE(after_first.empty());
  const auto second = prepare(requirements("six"), '2', notes_);
  ASSERT_TRUE(second);
  EXPECT_EQ(calls(), after_first) << "the template was there";
  EXPECT_NE(first->prefix, second->prefix);
  EXPECT_EQ(templates().size(), 1);

  const auto module = fs::path("lib/python3/site-packages/six.py");
  const auto original = templates()[0] / "env" / module;
  EXPECT_EQ(fs::status(original).permissions() & fs::perms::owner_write, fs::perms::none);
  // as uv and pip replace a file
  fs::remove(first->prefix / module);
  write(first->prefix / module, "version = 2\n");
  EXPECT_EQ(read_file(original).value(), "version = 1\n");
  EXPECT_EQ(read_file(second->prefix / module).value(), "version = 1\n");
  write(first->prefix / "pyvenv.cfg", "edited in place");
  EXPECT_EQ(read_file(templates()[0] / "env/pyvenv.cfg").value(), "relocatable = true\n");
}

TEST_F(EnvironmentsOnDisk, takes_what_the_machines_image_brings) {
  struct Case {
    const char* brought;    // in the image
    const char* requested;  // "": nothing
    const char* python;     // .python-version, "": none
    const char* taken;      // in the image, or the preset
  };
  for (const auto& [brought, requested, python, taken] :
       {Case{"pytorch", "", "", "pytorch"}, Case{"tensorflow", "", "", "tensorflow"},
        Case{"pytorch", "pytorch", "", "pytorch"}, Case{"pytorch", "tensorflow", "", ""},
        Case{"pytorch", "minimal", "", ""}, Case{"pytorch", "", "3.12", ""},
        Case{"other", "", "", ""}}) {
    EXPECT_TRUE(remove_tree(paths_.image));
    fs::create_directories(paths_.image / brought / "bin");
    FolderFiles files;
    files.folder = "/nowhere";
    if (*python != 0) files.contents[".python-version"] = python;
    const auto chosen = choose_environment(
        *requested == 0 ? std::nullopt : std::optional<std::string>(requested), files);
    ASSERT_TRUE(chosen);
    SystemProcesses processes;
    DirectChannel channel(processes, this_environment());
    const auto found = Environments(channel, paths_).of_image(*chosen, Wait{});
    ASSERT_TRUE(found);
    const bool of_image = found->kind == EnvironmentKind::interpreter;
    EXPECT_EQ(of_image ? fs::path(found->name).filename() : fs::path(), taken)
        << brought << ", " << requested << ", " << python;
    if (!of_image) {
      EXPECT_EQ(found->name, chosen->name);
    }
  }
}

TEST_F(EnvironmentsOnDisk, keeps_a_copy_with_what_was_added_by_hand) {
  const auto spec = requirements("six");
  const auto made = prepare(spec, '1', notes_);
  ASSERT_TRUE(made);
  fs::create_directory(made->prefix / "lib/python3/site-packages/My_Pkg-2.0.dist-info");
  const auto again = prepare(spec, '1', notes_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->to_json(), made->to_json());
  SystemProcesses processes;
  DirectChannel channel(processes, this_environment());
  Environments environments(channel, paths_);
  EXPECT_EQ(environments.added_by_hand(*again, Wait{}).value(),
            std::vector<std::string>{"my-pkg 2.0"});

  const auto changed = prepare(requirements("six<2"), '1', notes_);
  ASSERT_TRUE(changed);
  EXPECT_FALSE(fs::exists(made->prefix));
  ASSERT_EQ(notes_.notes.size(), 2);
  EXPECT_NE(notes_.notes[1].find("my-pkg 2.0"), std::string::npos);
  EXPECT_TRUE(environments.added_by_hand(*changed, Wait{}).value().empty());
}

TEST_F(EnvironmentsOnDisk, keeps_the_old_copy_when_the_new_one_fails) {
  const auto made = prepare(requirements("six"), '1', notes_);
  ASSERT_TRUE(made);
  write(root_ / "data/fail", "error: No solution found when resolving dependencies\n");
  const auto failed = prepare(requirements("six<1"), '1', notes_);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().exit, Exit::act);
  EXPECT_TRUE(fs::exists(made->prefix / "pyvenv.cfg"));
  fs::remove(root_ / "data/fail");
  EXPECT_EQ(prepare(requirements("six"), '1', notes_)->prefix, made->prefix);
}

TEST_F(EnvironmentsOnDisk, builds_once_when_two_need_one_template) {
  Notes one;
  Notes two;
  std::thread other([&] { EXPECT_TRUE(prepare(requirements("six"), '1', one)); });
  EXPECT_TRUE(prepare(requirements("six"), '2', two));
  other.join();
  const auto made = lines_of(calls());
  EXPECT_EQ(
      std::ranges::count_if(made, [](const std::string& line) { return line.starts_with("venv"); }),
      1);
  EXPECT_EQ(templates().size(), 1);
}

TEST_F(EnvironmentsOnDisk, shows_nothing_half_made_after_a_kill) {
  write(root_ / "data/kill", "");
  EXPECT_FALSE(prepare(requirements("six"), '1', notes_));
  EXPECT_FALSE(fs::exists(paths_.data / "environments" / workspace('1').text() / "carrel.json"));
  const auto made = prepare(requirements("six"), '1', notes_);
  ASSERT_TRUE(made) << made.error().why;
  ASSERT_EQ(templates().size(), 1) << "what the killed one left is gone";
  EXPECT_EQ(templates()[0].filename().string(), made->key);
}

TEST_F(EnvironmentsOnDisk, makes_a_damaged_or_vanished_copy_anew) {
  const auto spec = requirements("six");
  const auto made = prepare(spec, '1', notes_);
  ASSERT_TRUE(made);
  const auto home = made->prefix.parent_path();
  write(home / "carrel.json", "{\"version\": 1");
  EXPECT_TRUE(prepare(spec, '1', notes_));
  ASSERT_TRUE(remove_tree(made->prefix));
  EXPECT_TRUE(prepare(spec, '1', notes_));
  EXPECT_TRUE(fs::exists(made->prefix / "pyvenv.cfg"));
}

TEST_F(EnvironmentsOnDisk, prunes_what_nobody_uses_and_nothing_else) {
  const auto used = prepare(requirements("six"), '1', notes_);
  const auto unused = prepare(requirements("six<2"), '2', notes_);
  ASSERT_TRUE(used && unused);
  SystemProcesses processes;
  DirectChannel channel(processes, this_environment());
  Environments environments(channel, paths_);
  const auto entries = environments.cache({{used->key, {"mine"}}}, Wait{});
  ASSERT_TRUE(entries);
  ASSERT_TRUE(environments.prune(*entries, Wait{}));
  ASSERT_EQ(templates().size(), 1);
  EXPECT_EQ(templates()[0].filename().string(), used->key);
  EXPECT_TRUE(fs::exists(unused->prefix / "pyvenv.cfg")) << "copies live without their template";
  EXPECT_TRUE(fs::exists(uv_program(paths_)));

  // uv's downloads, but not from under a uv that works
  write(paths_.cache / "uv/wheel", "");
  write(paths_.cache / "uv/.lock", "");
  const auto downloads = environments.cache({}, Wait{});
  ASSERT_TRUE(downloads);
  {
    const auto at_work = FileLock::acquire(paths_.cache / "uv/.lock", Wait{});
    ASSERT_TRUE(at_work);
    EXPECT_TRUE(environments.prune(*downloads, Wait{}));
    EXPECT_TRUE(fs::exists(paths_.cache / "uv/wheel"));
  }
  EXPECT_TRUE(environments.prune(*downloads, Wait{}));
  EXPECT_FALSE(fs::exists(paths_.cache / "uv"));
  EXPECT_EQ(templates().size(), 0);

  CacheEntry forged;
  forged.path = paths_.cache / "templates" / ".." / ".." / "data";
  forged.removable = true;
  EXPECT_FALSE(environments.prune({forged}, Wait{}));
}

}  // namespace
}  // namespace carrel
