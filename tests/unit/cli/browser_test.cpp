#include "cli/browser.hpp"

#include "fakes/temporary_folder.hpp"
#include "os/process.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel::cli {
namespace {

void make_program(const std::filesystem::path& path) {
  std::ofstream(path) << "#!/bin/sh\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

TEST(browser, is_what_the_person_named_else_the_desktops_else_none) {
  const TemporaryFolder folder;
  for (const auto* name : {"firefox", "xdg-open"}) make_program(folder.path() / name);
  const Environment base{{"PATH", folder.path().string()}};
  using Words = std::vector<std::string>;
  struct Case {
    const char* name;
    Environment more;
    Words argv;
    std::string why_not;
  };
  const std::vector<Case> cases{
      {"no display", {}, {}, "there is no display here"},
      {"an X display", {{"DISPLAY", ":0"}}, {"xdg-open", "/f"}, ""},
      {"Wayland", {{"WAYLAND_DISPLAY", "w"}}, {"xdg-open", "/f"}, ""},
      {"BROWSER without a display", {{"BROWSER", "firefox"}}, {"firefox", "/f"}, ""},
      {"BROWSER with options",
       {{"BROWSER", "firefox --new-tab"}},
       {"firefox", "--new-tab", "/f"},
       ""},
      {"BROWSER with a place",
       {{"BROWSER", "firefox --url=%s 100%%"}},
       {"firefox", "--url=/f", "100%"},
       ""},
      {"the first BROWSER that is there", {{"BROWSER", "nope:firefox"}}, {"firefox", "/f"}, ""},
      {"BROWSER that is not there",
       {{"BROWSER", "nope"}, {"DISPLAY", ":0"}},
       {"xdg-open", "/f"},
       ""},
      {"over SSH with a display",
       {{"SSH_CONNECTION", "1"}, {"DISPLAY", ":0"}, {"BROWSER", "firefox"}},
       {},
       "you are here over SSH: open this on your own computer"},
      {"no opener",
       {{"DISPLAY", ":0"}, {"PATH", "/nowhere"}},
       {},
       "no browser was found; BROWSER can name one"},
  };
  for (const auto& item : cases) {
    auto environment = item.more;
    environment.insert(base.begin(), base.end());
    const auto browser = find_browser(environment, "/f");
    EXPECT_EQ(browser.argv, item.argv) << item.name;
    EXPECT_EQ(browser.why_not, item.why_not) << item.name;
  }
}

}  // namespace
}  // namespace carrel::cli
