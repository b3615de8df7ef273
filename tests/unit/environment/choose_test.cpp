#include "base/error.hpp"
#include "environment/environment.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

using Contents = std::map<std::string, std::string>;
constexpr auto project = "[project]\nname = 'x'\nversion = '1'\ndependencies = ['six']\n";

FolderFiles folder_with(Contents contents) {
  FolderFiles files;
  files.folder = "/home/ada/course";
  files.contents = std::move(contents);
  return files;
}

struct Case {
  std::string sentence;
  std::optional<std::string> requested;
  Contents contents;
  EnvironmentKind kind = EnvironmentKind::preset;
  std::string name;
};

TEST(ChooseEnvironment, takes_the_first_that_fits) {
  const std::vector<Case> cases = {
      {"nothing is minimal", {}, {}, EnvironmentKind::preset, "minimal"},
      {"a preset by name", "jax", {{"requirements.txt", "six"}}, EnvironmentKind::preset, "jax"},
      {"a lock beats all",
       {},
       {{"uv.lock", ""},
        {"pyproject.toml", project},
        {"environment.yml", ""},
        {"requirements.txt", ""}},
       EnvironmentKind::uv_lock,
       "uv.lock"},
      {"conda before requirements",
       {},
       {{"environment.yml", ""}, {"requirements.txt", ""}},
       EnvironmentKind::environment_yml,
       "environment.yml"},
      {"the other spelling",
       {},
       {{"environment.yaml", ""}},
       EnvironmentKind::environment_yml,
       "environment.yaml"},
      {"requirements before a project",
       {},
       {{"requirements.txt", ""}, {"pyproject.toml", project}},
       EnvironmentKind::requirements,
       "requirements.txt"},
      {"a project", {}, {{"pyproject.toml", project}}, EnvironmentKind::project, "pyproject.toml"},
      {"a pyproject.toml that only configures tools",
       {},
       {{"pyproject.toml", "[tool.ruff]\n"}},
       EnvironmentKind::preset,
       "minimal"},
      {"a requested file",
       "requirements.txt",
       {{"uv.lock", ""}, {"pyproject.toml", project}, {"requirements.txt", ""}},
       EnvironmentKind::requirements,
       "requirements.txt"},
      {"a requested file below",
       "binder/gpu.txt",
       {{"binder/gpu.txt", "six"}},
       EnvironmentKind::requirements,
       "binder/gpu.txt"},
      {"a folder", ".venv", {}, EnvironmentKind::interpreter, "/home/ada/course/.venv"},
      {"an absolute path",
       "/usr/bin/python3",
       {},
       EnvironmentKind::interpreter,
       "/usr/bin/python3"},
      {"a bare name is looked up later",
       "python3.12",
       {},
       EnvironmentKind::interpreter,
       "python3.12"},
  };
  for (const auto& test : cases) {
    const auto spec = choose_environment(test.requested, folder_with(test.contents));
    ASSERT_TRUE(spec) << test.sentence << ": " << spec.error().what;
    EXPECT_EQ(spec->kind, test.kind) << test.sentence;
    EXPECT_EQ(spec->name, test.name) << test.sentence;
  }
}

TEST(ChooseEnvironment, says_what_is_wrong_and_where) {
  struct Refusal {
    std::optional<std::string> requested;
    Contents contents;
    std::string what;
    Exit exit = Exit::failed;
  };
  const std::vector<Refusal> cases = {
      {"pytroch", {}, "there is no environment 'pytroch'", Exit::usage},
      {"", {}, "the environment is empty", Exit::usage},
      {"gone.txt", {}, "there is no gone.txt in /home/ada/course", Exit::usage},
      {"../other/requirements.txt",
       {},
       "there is no ../other/requirements.txt in /home/ada/course",
       Exit::usage},
      {{},
       {{"requirements.txt", "six\n-r base.txt\n"}},
       "requirements.txt, line 2: base.txt is not in /home/ada/course"},
      {{},
       {{"requirements.txt", "-r a/b.txt"}, {"a/b.txt", "\n\n-c c.txt"}},
       "a/b.txt, line 3: c.txt is not in /home/ada/course"},
      {{},
       {{"requirements.txt", "-r ../../etc/passwd"}},
       "requirements.txt, line 1: ../../etc/passwd is not in /home/ada/course"},
      {{}, {{"pyproject.toml", "[project"}}, "pyproject.toml is no TOML: line 1, column 9"},
      {{},
       {{".python-version", "pypy3.10\n"}},
       ".python-version asks for 'pypy3.10', which Carrel does not know",
       Exit::act},
      {{},
       {{".python-version", "3.11"},
        {"pyproject.toml", "[project]\nrequires-python = '>=3.12'\ndependencies=['x']"}},
       ".python-version asks for Python 3.11, but requires-python in pyproject.toml for >=3.12",
       Exit::act},
  };
  for (const auto& test : cases) {
    const auto spec = choose_environment(test.requested, folder_with(test.contents));
    ASSERT_FALSE(spec) << test.what;
    EXPECT_EQ(spec.error().what, test.what);
    EXPECT_EQ(spec.error().exit, test.exit) << test.what;
  }
}

TEST(ChooseEnvironment, brings_every_file_that_the_build_reads) {
  const auto spec =
      choose_environment({}, folder_with({{"requirements.txt", "-r more/base.txt\nsix"},
                                          {"more/base.txt", "-c pins.txt"},
                                          {"more/pins.txt", "six<2"},
                                          {"uv.toml", ""},
                                          {"unrelated.txt", ""}}));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->files.size(), 4);
  EXPECT_TRUE(spec->files.contains("more/pins.txt"));
  EXPECT_FALSE(spec->files.contains("unrelated.txt"));
}

TEST(ChooseEnvironment, ends_with_requirements_that_include_each_other) {
  const auto spec = choose_environment(
      {}, folder_with({{"requirements.txt", "-r a.txt"}, {"a.txt", "-r requirements.txt"}}));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->files.size(), 2);
}

TEST(ChooseEnvironment, remembers_who_wants_which_python) {
  const auto spec = choose_environment(
      {}, folder_with(
              {{".python-version", "# ours\n3.12\n"},
               {"pyproject.toml", "[project]\nrequires-python = '>=3.10'\ndependencies = ['x']"}}));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->python, "3.12");
  EXPECT_EQ(spec->python_from, ".python-version");
}

}  // namespace
}  // namespace carrel
