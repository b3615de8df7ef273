#include "workspace/spec.hpp"

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/secret.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

constexpr std::string_view good_hash = "sha1:0123456789ab:0123456789abcdef0123456789abcdef01234567";

Spec parsed(std::string_view toml) {
  const auto spec = parse_spec(toml, "carrel.toml");
  EXPECT_TRUE(spec) << toml << "\n" << spec.error().what;
  return spec.value_or(Spec{});
}

bool same(const Spec& a, const Spec& b) {
  return a.name == b.name && a.on == b.on && a.environment == b.environment &&
         a.notebook == b.notebook && a.port == b.port && a.public_reach == b.public_reach &&
         a.password_hash == b.password_hash;
}

Spec full() {
  return {.name = WorkspaceName::from_folder("Lesson-3"),
          .on = "local",
          .environment = "./.venv/bin/python",
          .notebook = "lessons/first lesson.ipynb",
          .port = 8899,
          .public_reach = true,
          .password_hash = Secret(std::string(good_hash))};
}

TEST(spec, reads_every_key) {
  const auto spec = parsed(
      "name = 'Lesson-3'\non = 'local'\nenvironment = './.venv/bin/python'\n"
      "notebook = 'lessons/first lesson.ipynb'\nport = 8899\npublic = true\n"
      "password_hash = '" +
      std::string(good_hash) + "'\n");
  EXPECT_TRUE(same(spec, full()));
}

TEST(spec, says_nothing_that_the_file_does_not_say) {
  for (const std::string_view toml : {"", "\n\n", "# only a comment\n"}) {
    EXPECT_TRUE(same(parsed(toml), Spec{})) << toml;
  }
  EXPECT_EQ(parsed("public = false").public_reach, false) << "said, and not merely the default";
}

struct Refusal {
  std::string_view toml;
  std::string_view what;  // whole
  std::string_view hint;  // a part
};

void expect_refused(const Refusal& refusal) {
  const auto spec = parse_spec(refusal.toml, "carrel.toml");
  ASSERT_FALSE(spec) << refusal.toml;
  EXPECT_EQ(spec.error().what, refusal.what) << refusal.toml;
  EXPECT_NE(spec.error().hint.find(refusal.hint), std::string::npos) << spec.error().hint;
  EXPECT_EQ(spec.error().exit, Exit::usage);
}

TEST(spec, refuses_an_unknown_key_and_names_the_nearest) {
  const std::vector<Refusal> table = {
      {"prot = 8888", "carrel.toml:1:1: unknown key prot", "did you mean port?"},
      {"port = 1\n\n  notebok = 'a.ipynb'", "carrel.toml:3:3: unknown key notebok",
       "did you mean notebook?"},
      {"passwordhash = 'x'", "carrel.toml:1:1: unknown key passwordhash",
       "did you mean password_hash?"},
      {"enviroment = 'minimal'", "carrel.toml:1:1: unknown key enviroment",
       "did you mean environment?"},
      {"frobnicate = 1", "carrel.toml:1:1: unknown key frobnicate",
       "known keys: name, on, environment, notebook, port, public, password_hash"},
      {"[limits]\nidle = 1", "carrel.toml:1:2: unknown key limits", "known keys: "},
      {"'a\\u001b[31mb' = 1", "carrel.toml:1:1: unknown key a\\u001b[31mb", ""},
      {"\"\\u001b[31mport\" = 1", "carrel.toml:1:1: unknown key ^[[31mport", ""},
  };
  for (const auto& refusal : table) expect_refused(refusal);
}

TEST(spec, refuses_a_value_of_the_wrong_kind_and_says_where) {
  const std::vector<Refusal> table = {
      {"name = 3", "carrel.toml:1:1: name must be a text in quotes", ""},
      {"on = true", "carrel.toml:1:1: on must be a text in quotes", ""},
      {"on = ''", "carrel.toml:1:1: on must be a text in quotes", ""},
      {"\nenvironment = ['minimal']", "carrel.toml:2:1: environment must be a text in quotes", ""},
      {"environment = 2026-11-24", "carrel.toml:1:1: environment must be a text in quotes", ""},
      {"notebook = 1.5", "carrel.toml:1:1: notebook must be a text in quotes", ""},
      {"password_hash = 7", "carrel.toml:1:1: password_hash must be a text in quotes", ""},
      {"port = '8888'", "carrel.toml:1:1: port must be a whole number from 1 to 65535", ""},
      {"port = 8888.0", "carrel.toml:1:1: port must be a whole number from 1 to 65535", ""},
      {"port = 0", "carrel.toml:1:1: port must be a whole number from 1 to 65535", ""},
      {"port = -1", "carrel.toml:1:1: port must be a whole number from 1 to 65535", ""},
      {"port = 65536", "carrel.toml:1:1: port must be a whole number from 1 to 65535", ""},
      {"port = 4294967297", "carrel.toml:1:1: port must be a whole number from 1 to 65535", ""},
      {"count = 0", "carrel.toml:1:1: a machine has a whole number of GPUs, from 1 to 64",
       "count = 4"},
      {"from = 'x'", "carrel.toml:1:1: \"x\" is no network", "203.0.113.7"},
      {"user = 'a b'", "carrel.toml:1:1: \"a b\" is no login name", "ubuntu"},
      {"port = true", "carrel.toml:1:1: port must be a whole number from 1 to 65535", ""},
      {"  public = 'yes'", "carrel.toml:1:3: public must be true or false", ""},
      {"public = 1", "carrel.toml:1:1: public must be true or false", ""},
      {"public = {a = 1}", "carrel.toml:1:1: public must be true or false", ""},
  };
  for (const auto& refusal : table) expect_refused(refusal);
}

TEST(spec, refuses_a_plain_password_with_the_command_that_makes_a_hash) {
  expect_refused({"public = true\npassword = 'secret-word'",
                  "carrel.toml:2:1: a password does not belong in a file", "carrel password"});
  const auto refused = parse_spec("password = 'secret-word'", "carrel.toml");
  ASSERT_FALSE(refused);
  EXPECT_EQ((refused.error().what + refused.error().why + refused.error().hint).find("secret-word"),
            std::string::npos);
}

TEST(spec, begins_errors_of_a_value_with_its_place) {
  for (const auto* toml : {"port = 1\nname = 'not a name'", "port = 1\nnotebook = '../x.ipynb'",
                           "port = 1\npassword_hash = 'secret-word'"}) {
    const auto refused = parse_spec(toml, "some/carrel.toml");
    ASSERT_FALSE(refused) << toml;
    EXPECT_TRUE(refused.error().what.starts_with("some/carrel.toml:2:1: ")) << refused.error().what;
    EXPECT_EQ(refused.error().exit, Exit::usage);
  }
}

TEST(spec, says_where_a_file_is_no_toml) {
  for (const auto& [toml, place] : std::map<std::string, std::string>{
           {"port = ", "carrel.toml:1:8: "},
           {"port = 1\nport = 2", "carrel.toml:2:"},
           {"name = 'a\n", "carrel.toml:1:"},
           {std::string("port = 1\n\0", 10), "carrel.toml:2:1: "},
           {"name = '\xff'", "carrel.toml:1:8: "},
       }) {
    const auto refused = parse_spec(toml, "carrel.toml");
    ASSERT_FALSE(refused) << toml;
    EXPECT_TRUE(refused.error().what.starts_with(place)) << refused.error().what;
    EXPECT_EQ(refused.error().exit, Exit::usage);
  }
}

TEST(spec, ends_at_absurd_nesting) {
  EXPECT_FALSE(parse_spec("name = " + std::string(100'000, '['), "carrel.toml"));
}

TEST(spec, reads_one_table_of_a_larger_document) {
  const auto* toml =
      "[project]\nname = 'theirs'\nport = 'x'\n[tool.other]\na = 1\n[tool.carrel]\nport = 9\n";
  const auto spec = parse_spec(toml, "pyproject.toml", "tool.carrel");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->port, 9);
  EXPECT_FALSE(spec->name);
  for (const auto* without : {"", "[project]\nname = 'a'", "[tool]\nx = 1", "tool = 3"}) {
    const auto nothing = parse_spec(without, "pyproject.toml", "tool.carrel");
    ASSERT_TRUE(nothing) << without;
    EXPECT_TRUE(same(*nothing, Spec{})) << without;
  }
  const auto refused = parse_spec("[tool]\ncarrel = 3", "pyproject.toml", "tool.carrel");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "pyproject.toml:2:10: tool.carrel must be a table");
}

TEST(spec, of_a_folder_is_in_carrel_toml_else_in_pyproject) {
  using Files = std::map<std::string, std::string>;
  const std::string own = "port = 1";
  const std::string project = "[tool.carrel]\nport = 2\nname = 'p'";
  EXPECT_TRUE(same(spec_of_folder(Files{}).value(), Spec{}));
  EXPECT_EQ(spec_of_folder(Files{{"carrel.toml", own}}).value().port, 1);
  EXPECT_EQ(spec_of_folder(Files{{"pyproject.toml", project}}).value().port, 2);
  const auto both = spec_of_folder(Files{{"carrel.toml", own}, {"pyproject.toml", project}});
  EXPECT_EQ(both.value().port, 1);
  EXPECT_FALSE(both.value().name) << "the two are not mixed";
  const auto refused = spec_of_folder(Files{{"pyproject.toml", "[tool.carrel]\nprt = 1"}});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().what.starts_with("pyproject.toml:2:1: ")) << refused.error().what;
}

TEST(notebook_path, is_inside_the_folder) {
  for (const auto* good :
       {"a.ipynb", "lessons/first lesson.ipynb", "..a/b...ipynb", "é.ipynb", ".hidden/.ipynb"}) {
    EXPECT_TRUE(check_notebook_path(good)) << good;
  }
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("/etc/a.ipynb"), std::string_view("../a.ipynb"),
        std::string_view("a/../../b.ipynb"), std::string_view("a/.."),
        std::string_view("./a.ipynb"), std::string_view("a//b.ipynb"), std::string_view("a/"),
        std::string_view("..\\a.ipynb"), std::string_view("C:\\a.ipynb"), std::string_view(".."),
        std::string_view("a.py"), std::string_view("a.ipynb/"), std::string_view("a.IPYNB"),
        std::string_view("//host/a.ipynb"), std::string_view("a\0.ipynb", 8),
        std::string_view("a\n.ipynb"), std::string_view("a\x1b[31m.ipynb"),
        std::string_view("a\x7f.ipynb")}) {
    const auto checked = check_notebook_path(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().what.find('\x1b'), std::string::npos);
  }
}

TEST(spec_text, is_read_back_as_it_was) {
  std::vector<Spec> table = {Spec{}, full(), {.port = 1}, {.public_reach = false}};
  for (const auto* text : {"a\"b", "it's", "a\\b", "two\nlines", "tab\there", "\x01\x1f\x7f",
                           "ü ∀ 𝔸", "'''", "\"\"\"", "\r\n", "[x]", "# no comment", " "}) {
    table.push_back({.on = text, .environment = text});
  }
  for (const auto& spec : table) {
    const auto text = spec_text(spec);
    const auto again = parse_spec(text, "the journal");
    ASSERT_TRUE(again) << text << "\n" << again.error().what;
    EXPECT_TRUE(same(*again, spec)) << text;
  }
}

TEST(spec, over_another_fills_only_what_is_open) {
  const Spec below = full();
  EXPECT_TRUE(same(Spec{}.over(below), below));
  EXPECT_TRUE(same(below.over(Spec{}), below));
  const Spec above{.name = WorkspaceName::from_folder("other"),
                   .on = "ec2",
                   .environment = "jax",
                   .notebook = "b.ipynb",
                   .port = 1,
                   .public_reach = false,
                   .password_hash = Secret("argon2:x")};
  EXPECT_TRUE(same(above.over(below), above)) << "false wins over true, too";
  const Spec some{.port = 7};
  const auto mixed = some.over(below);
  EXPECT_EQ(mixed.port, 7);
  EXPECT_EQ(mixed.name, below.name);
}

TEST(spec, of_a_machine_comes_back_as_it_was_written) {
  const auto spec = parsed(
      "gpu = 'T4'\ncount = 4\nprofile = 'my course'\nfrom = '203.0.113.7'\nuser = 'fedora'\n");
  EXPECT_EQ(spec.from, "203.0.113.7/32");
  const auto again = parsed(spec_text(spec));
  EXPECT_EQ(again.count, 4);
  EXPECT_EQ(again.profile, "my course");
  EXPECT_EQ(again.from, spec.from);
  EXPECT_EQ(again.user, "fedora");
  const Spec instance{.instance = "g5.xlarge"};
  EXPECT_FALSE(instance.over(spec).count) << "it is of the GPU that was named";
  EXPECT_EQ(instance.over(spec).user, "fedora");
}

TEST(network, is_written_as_ec2_keeps_it_or_refused_with_what_was_meant) {
  struct Case {
    std::string_view text;
    std::string_view network;  // "": none
    std::string_view hint;
  };
  const std::vector<Case> cases = {
      {"203.0.113.7", "203.0.113.7/32", ""},
      {"203.0.113.0/24", "203.0.113.0/24", ""},
      {"0.0.0.0/0", "0.0.0.0/0", ""},
      {"2001:DB8::/56", "2001:db8::/56", ""},
      {"2001:db8::1", "2001:db8::1/128", ""},
      {"203.0.113.7/24", "", "203.0.113.0/24"},
      {"203.0.113.7/31", "", "203.0.113.6/31"},
      {"2001:db8::1/64", "", "2001:db8::/64"},
      {"", "", "203.0.113.7"},
      {"203.0.113.7/", "", "203.0.113.7"},
      {"203.0.113.7/33", "", "203.0.113.7"},
      {"203.0.113.7/-1", "", "203.0.113.7"},
      {"203.0.113.7/8x", "", "203.0.113.7"},
      {"203.0.113", "", "203.0.113.7"},
      {"::/129", "", "203.0.113.7"},
      {"home.example.org", "", "203.0.113.7"},
  };
  for (const auto& one : cases) {
    const auto network = parse_network(one.text);
    EXPECT_EQ(network.value_or(""), one.network) << one.text;
    if (network) continue;
    EXPECT_EQ(network.error().exit, Exit::usage) << one.text;
    EXPECT_TRUE(network.error().hint.contains(one.hint)) << network.error().hint;
  }
}

TEST(login, is_a_name_that_linux_takes) {
  for (const auto* good : {"ubuntu", "ec2-user", "_a1"}) EXPECT_TRUE(parse_login(good)) << good;
  for (const auto* bad : {"", "-a", "1a", "Root", "a b", "a;b", "a@b", "a/b"}) {
    EXPECT_FALSE(parse_login(bad)) << bad;
  }
  EXPECT_FALSE(parse_login(std::string(33, 'a')));
}

TEST(spec, knows_its_keys) {
  for (const auto& key : spec_keys()) {
    const auto refused = parse_spec(key + " = {}", "f");
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().what.find("unknown key"), std::string::npos) << key;
  }
}

}  // namespace
}  // namespace carrel
