// Two folders of this computer stand for the two sides; the channel between them is the direct one.
#pragma once

#include "base/progress.hpp"
#include "channel/direct.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace carrel {

class Notes final : public Progress {
 public:
  void begin(std::string_view, std::string_view,
             std::optional<std::chrono::milliseconds>) override {}
  void detail(std::string_view) override {}
  void end(std::string_view) override {}
  void note(std::string_view text) override { all += std::string(text) + "\n"; }
  std::string all;
};

class TwoSides : public testing::Test {
 protected:
  TwoSides() {
    std::filesystem::create_directories(here());
    std::filesystem::create_directories(there().parent_path());
    EXPECT_TRUE(make_private_folder(record().parent_path()));
  }
  std::filesystem::path root() const { return folder_.path(); }
  std::filesystem::path here() const { return folder_.path() / "here" / "it's"; }
  std::filesystem::path there() const { return folder_.path() / "there" / "home x"; }
  std::filesystem::path record() const { return folder_.path() / "state" / "files"; }
  static Wait patience() { return Wait::at_most(std::chrono::seconds(60)); }

  // A later write than those before it, also where two fall into one tick of the clock.
  void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    ASSERT_TRUE(write_file(path, text, 0644));
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++writes_));
  }
  static std::string text(const std::filesystem::path& path) {
    return read_file(path).value_or("(none)");
  }
  void sh(const std::string& script) {
    EXPECT_EQ(std::system(("cd '" + folder_.path().string() + "' && " + script).c_str()), 0)
        << script;
  }
  Notes& notes() { return notes_; }
  DirectChannel& channel() { return channel_; }

 private:
  TemporaryFolder folder_;
  SystemProcesses processes_;
  DirectChannel channel_{processes_, this_environment()};
  Notes notes_;
  int writes_ = 0;
};

}  // namespace carrel
