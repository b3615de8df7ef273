#include "environment/recipe.hpp"

#include "environment/environment.hpp"
#include "environment/manifest.hpp"
#include "environment/overlay.hpp"
#include "environment/presets.hpp"
#include "environment/scripts.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

EnvironmentSpec spec_of(EnvironmentKind kind, std::string name,
                        std::map<std::string, std::string> files) {
  EnvironmentSpec spec;
  spec.kind = kind;
  spec.name = std::move(name);
  spec.files = std::move(files);
  spec.folder = "/home/ada/course";
  return spec;
}

TEST(Recipe, says_what_is_shared_and_what_each_copy_needs) {
  const std::string plain = "[project]\ndependencies=['six']\n";
  const std::string package = plain + "[build-system]\nrequires=[]\n";
  const std::string sources = plain + "[tool.uv.sources]\nsix={path='six'}\n";
  struct Case {
    EnvironmentSpec spec;
    Recipe recipe = Recipe::files;
    std::string file;
    LocalPart local = LocalPart::none;
  };
  const auto project = [](const std::string& text) {
    return spec_of(EnvironmentKind::project, "pyproject.toml", {{"pyproject.toml", text}});
  };
  const auto lock = [](const std::string& text) {
    return spec_of(EnvironmentKind::uv_lock, "uv.lock",
                   {{"pyproject.toml", text}, {"uv.lock", ""}});
  };
  const std::vector<Case> cases = {
      {spec_of(EnvironmentKind::requirements, "requirements.txt", {{"requirements.txt", "six"}}),
       Recipe::files, "requirements.txt", LocalPart::none},
      {spec_of(EnvironmentKind::requirements, "requirements.txt", {{"requirements.txt", "-e ."}}),
       Recipe::files, "requirements.txt", LocalPart::requirements},
      {project(plain), Recipe::files, "pyproject.toml", LocalPart::none},
      {project(package), Recipe::files, "pyproject.toml", LocalPart::package},
      {project(sources), Recipe::files, "", LocalPart::project_dependencies},
      {project("[project]\ndynamic=['dependencies']\n[build-system]\n"), Recipe::files, "",
       LocalPart::package},
      {lock(plain), Recipe::uv_lock, "uv.lock", LocalPart::none},
      {lock(package), Recipe::uv_lock, "uv.lock", LocalPart::lock},
      {lock(package + "[tool.uv]\npackage=false\n"), Recipe::uv_lock, "uv.lock", LocalPart::none},
      {lock(plain + "[tool.uv.workspace]\nmembers=['a']\n"), Recipe::files, "", LocalPart::lock},
  };
  for (const auto& test : cases) {
    const auto recipe = recipe_for(test.spec, false);
    ASSERT_TRUE(recipe);
    const auto& text = test.spec.files.begin()->second;
    EXPECT_EQ(recipe->recipe, test.recipe) << text;
    EXPECT_EQ(recipe->file, test.file) << text;
    EXPECT_EQ(recipe->local, test.local) << text;
  }
}

TEST(Recipe, of_a_preset_depends_on_the_nvidia_driver_only_where_the_preset_says_so) {
  for (const auto& preset : presets()) {
    const auto files = FolderFiles{.folder = "/f", .contents = {}};
    const auto spec = choose_environment(std::string(preset.name), files).value();
    const auto without = recipe_for(spec, false).value().files;
    const auto with = recipe_for(spec, true).value().files;
    EXPECT_EQ(without.size(), 1);
    EXPECT_EQ(without != with, !preset.with_nvidia.empty()) << preset.name;
  }
}

TEST(Keys, change_with_everything_that_changes_what_is_built) {
  const auto base =
      spec_of(EnvironmentKind::requirements, "requirements.txt", {{"requirements.txt", "six"}});
  auto other_text = base;
  other_text.files["requirements.txt"] = "six<2";
  auto other_python = base;
  other_python.python = "3.12";
  EXPECT_NE(spec_digest(base), spec_digest(other_text));
  EXPECT_NE(spec_digest(base), spec_digest(other_python));
  auto elsewhere = base;
  elsewhere.folder = "/other";
  EXPECT_EQ(spec_digest(base), spec_digest(elsewhere));
  elsewhere.files["requirements.txt"] = "-e .";
  auto here = base;
  here.files["requirements.txt"] = "-e .";
  EXPECT_NE(spec_digest(here), spec_digest(elsewhere))
      << "what is installed from the folder is bound to it";

  Interpreter interpreter;
  interpreter.real = "/usr/bin/python3.11";
  interpreter.version = "3.11.2";
  auto newer = interpreter;
  newer.version = "3.11.4";
  const auto recipe = recipe_for(base, false).value();
  EXPECT_NE(template_key(recipe, interpreter), template_key(recipe, newer));
}

TEST(Overlay, constrains_by_versions_that_uv_understands) {
  Interpreter interpreter;
  interpreter.packages = {{"ipython", "7.34.0"},   {"odd", "1.0-unknown"}, {"torch", "2.1.0+cu118"},
                          {"patched", "1.2.dfsg"}, {"pre", "3.0rc1"},      {"dev", "1.0.dev3"},
                          {"bad name", "1"}};
  const auto files = overlay_files(interpreter);
  ASSERT_EQ(files.size(), 3);
  EXPECT_EQ(files[0].bytes, "ipython==7.34.0\ntorch==2.1.0+cu118\npre==3.0rc1\ndev==1.0.dev3\n");
  EXPECT_EQ(files[1].bytes, "ipython\nodd\ntorch\npatched\npre\ndev\n");
}

TEST(Overlay, is_another_one_when_a_package_changes) {
  Interpreter interpreter;
  interpreter.packages = {{"ipython", "7.34.0"}};
  const auto key = overlay_key(interpreter);
  interpreter.packages[0].second = "7.33.0";
  EXPECT_NE(overlay_key(interpreter), key);
}

TEST(ExistingKernel, writes_no_bytecode_and_puts_nothing_of_carrels_into_the_environment) {
  Interpreter interpreter;
  interpreter.executable = "/home/ada/$x/bin/python";
  interpreter.prefix = "/home/ada/$x";
  interpreter.base_prefix = "/usr";
  const auto own = existing_kernel(interpreter, {});
  EXPECT_EQ(own.argv, (std::vector<std::string>{"/home/ada/$x/bin/python", "-B", "-m",
                                                "ipykernel_launcher", "-f", "{connection_file}"}));
  const auto beside = existing_kernel(interpreter, "/data/overlays/k");
  EXPECT_EQ(beside.argv[2], "/data/overlays/k/carrel_kernel.py");
  EXPECT_EQ(beside.environment, own.environment);
  EXPECT_EQ(own.environment,
            (Environment{{"PATH", "/home/ada/$$x/bin:${PATH}"}, {"VIRTUAL_ENV", "/home/ada/$$x"}}));
}

TEST(Scripts, quote_every_value) {
  const auto script = probe_script("it's $(touch /tmp/x)", "/home/a b");
  EXPECT_NE(script.find("NAME='it'\\''s $(touch /tmp/x)'\n"), std::string::npos);
  EXPECT_NE(script.find("FOLDER='/home/a b'\n"), std::string::npos);
}

}  // namespace
}  // namespace carrel
