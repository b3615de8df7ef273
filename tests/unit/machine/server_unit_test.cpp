#include "machine/server_unit.hpp"

#include "unit/machine/shell_syntax.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

std::string line_of(std::string_view unit, std::string_view key) {
  const auto begin = unit.find("\n" + std::string(key) + "=");
  if (begin == std::string_view::npos) return {};
  return std::string(unit.substr(begin + 1, unit.find('\n', begin + 1) - begin - 1));
}

TEST(server_unit, runs_as_the_login_and_starts_again_within_limits) {
  const auto unit = server_unit_text(
      {.workspace = "digits", .user = "ubuntu", .argv = {"/v/bin/python", "-I", "serve"}});
  EXPECT_EQ(line_of(unit, "User"), "User=ubuntu");
  EXPECT_EQ(line_of(unit, "ExecStart"), R"(ExecStart="/v/bin/python" "-I" "serve")");
  EXPECT_EQ(line_of(unit, "Restart"), "Restart=on-failure");
  EXPECT_EQ(line_of(unit, "RestartPreventExitStatus"), "RestartPreventExitStatus=1")
      << "what was refused is refused again";
  EXPECT_EQ(line_of(unit, "StartLimitBurst"), "StartLimitBurst=5");
  EXPECT_EQ(line_of(unit, "KillMode"), "KillMode=mixed") << "kernels end with it";
  EXPECT_EQ(line_of(unit, "WantedBy"), "WantedBy=multi-user.target");
}

TEST(server_unit, keeps_every_word_one_word) {
  struct Case {
    std::string word;
    std::string quoted;
  };
  for (const auto& one : std::vector<Case>{{"a b", R"("a b")"},
                                           {"50%", R"("50%%")"},
                                           {"$HOME", R"("$$HOME")"},
                                           {R"(say "hi" \)", R"("say \"hi\" \\")"},
                                           {"two\nlines", R"("two\x0alines")"},
                                           {"Übung", "\"Übung\""}}) {
    const auto unit =
        server_unit_text({.workspace = "w", .user = "u", .argv = {"/python", one.word}});
    EXPECT_EQ(line_of(unit, "ExecStart"), "ExecStart=\"/python\" " + one.quoted);
  }
}

TEST(server_unit, has_scripts_that_a_posix_shell_can_read) {
  const auto name = server_unit_name("0123456789ab");
  EXPECT_EQ(name, "carrel-0123456789ab.service");
  for (const auto& script : {start_unit_script(name), stop_unit_script(name)}) {
    expect_that_sh_reads(script);
    EXPECT_NE(script.find(name), std::string::npos);
  }
}

}  // namespace
}  // namespace carrel
