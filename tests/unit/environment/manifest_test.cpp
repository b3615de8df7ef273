#include "environment/manifest.hpp"

#include "base/error.hpp"
#include "environment/embedded.hpp"
#include "environment/environment.hpp"
#include "environment/running.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(Manifest, comes_back_as_it_was_written) {
  Manifest manifest;
  manifest.spec = "abc";
  manifest.stdlib = "/usr/lib/python3.11";
  manifest.packages = {"numpy 2.4.0"};
  manifest.prepared.kernel.argv = {"/p/bin/python", "-f", "{connection_file}"};
  manifest.prepared.kernel.environment = {{"PATH", "/p/bin:${PATH}"}};
  manifest.prepared.prefix = "/p";
  manifest.prepared.key = "k";
  const auto back = Manifest::from_json(manifest.to_json());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->to_json(), manifest.to_json());
  EXPECT_EQ(back->prepared.kernel.argv, manifest.prepared.kernel.argv);
}

TEST(Manifest, counts_as_none_when_it_is_not_as_expected) {
  for (const char* text :
       {"", "{", "[]", "null", "{\"version\":1}", "{\"version\":2,\"spec\":\"\"}",
        R"({"version":1,"spec":5,"stdlib":"","packages":[],"prepared":{}})"}) {
    EXPECT_FALSE(Manifest::from_json(text)) << text;
    const auto prepared = PreparedEnvironment::from_json(text);
    ASSERT_FALSE(prepared) << text;
    EXPECT_EQ(prepared.error().reason, Reason::corrupt);
  }
}

TEST(Interpreter, is_read_from_the_probes_line_among_others) {
  const auto found = Interpreter::from_output(
      "some warning\n@python "
      "{\"executable\":\"/v/bin/python\",\"real\":\"/usr/bin/python3.11\",\"version\":\"3.11.2\","
      "\"prefix\":\"/v\",\"base_prefix\":\"/usr\",\"stdlib\":\"/usr/lib/"
      "python3.11\",\"platform\":\"linux-x86_64\","
      "\"nvidia\":false,\"packages\":{\"Lazr.Uri\":\"1.0.6\",\"jupyter_client\":\"8\"},"
      "\"ipykernel\":true}\n");
  ASSERT_TRUE(found) << found.error().why;
  EXPECT_TRUE(found->has_ipykernel);
  ASSERT_EQ(found->packages.size(), 2);
  EXPECT_EQ(found->packages[0].first, "jupyter-client");
  EXPECT_EQ(found->packages[1].first, "lazr-uri");
  EXPECT_TRUE(found->at_least(3, 8));
  EXPECT_FALSE(found->at_least(3, 12));
}

TEST(Interpreter, is_an_error_when_a_python_says_something_else) {
  for (const char* text :
       {"", "@python", "@python []", "@python {\"executable\":1}", "Python 2.7"}) {
    EXPECT_FALSE(Interpreter::from_output(text)) << text;
  }
}

TEST(Packages, are_listed_by_their_own_names) {
  EXPECT_EQ(packages_in("@package scikit_learn-1.9.0.dist-info\nnoise\n@package "
                        ".dist-info\n@package x.dist-info\n"
                        "@package Jinja2-3.1.dist-info\n"),
            (std::vector<std::string>{"jinja2 3.1", "scikit-learn 1.9.0"}));
}

TEST(Embedded, holds_the_pin_of_uv_with_its_hashes) {
  EXPECT_EQ(uv_version(), "0.13.9");
  EXPECT_NE(embedded_file("uv.txt").find("--hash=sha256:"), std::string_view::npos);
  EXPECT_FALSE(embedded_file("server/requirements.txt").empty());
  EXPECT_FALSE(embedded_file("server/carrel_server/__main__.py").empty());
  EXPECT_TRUE(embedded_file("server/nothing.py").empty());
}

}  // namespace
}  // namespace carrel
