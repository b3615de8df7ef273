#include "environment/requirements_text.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(RequirementsText, knows_what_only_means_something_in_the_folder) {
  const std::vector<std::pair<std::string, bool>> cases = {
      {"numpy", false},
      {"numpy>=2; python_version > '3.10'", false},
      {"-e .", true},
      {"--editable ./sub", true},
      {"--editable=sub", true},
      {"-e git+https://example.org/x.git", false},
      {"./x", true},
      {"../x[all]", true},
      {"/opt/x", true},
      {"sub/x", true},
      {"x-1.0-py3-none-any.whl", true},
      {"x.tar.gz", true},
      {"file:///x", true},
      {"x @ file:///y", true},
      {"x @ https://example.org/x.whl", false},
      {"https://example.org/x.whl", false},
      {"git+https://example.org/x.git", false},
      {"-r base.txt", false},
      {"--extra-index-url https://example.org/simple", false},
      {"--find-links ./wheels", false},
      {"# -e .", false},
      {"numpy  # like ./x", false},
  };
  for (const auto& [line, local] : cases) {
    EXPECT_EQ(!local_requirements(line).empty(), local) << line;
  }
}

TEST(RequirementsText, hides_local_lines_without_moving_anything) {
  const std::string text = "six\n-e .\r\n./a \\\n  --hash=x\nidna==\n./last";
  const auto hidden = without_local_requirements(text);
  EXPECT_EQ(hidden, "six\n#e .\r\n#/a  \n# --hash=x\nidna==\n#/last");
  EXPECT_EQ(hidden.size(), text.size());
  EXPECT_TRUE(local_requirements(hidden).empty());
}

TEST(RequirementsText, finds_the_files_that_it_names) {
  const auto found = references_of(
      "-r a.txt\nsix\n-c b.txt # why\n--requirement=c.txt\n--constraint d.txt\n"
      "-rtight.txt\n-r \\\n  joined.txt\n-r https://example.org/x.txt\n-r 'quoted.txt'");
  std::vector<std::string> paths;
  for (const auto& reference : found) paths.push_back(reference.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"a.txt", "b.txt", "c.txt", "d.txt", "tight.txt",
                                             "joined.txt", "quoted.txt"}));
  EXPECT_EQ(found[5].line, 7);
}

TEST(RequirementsText, keeps_references_inside_the_folder) {
  EXPECT_EQ(resolved_reference("a/b.txt", "c.txt"), "a/c.txt");
  EXPECT_EQ(resolved_reference("a/b.txt", "../c.txt"), "c.txt");
  EXPECT_EQ(resolved_reference("b.txt", "../c.txt"), "");
  EXPECT_EQ(resolved_reference("b.txt", "/etc/passwd"), "");
}

TEST(RequirementsText, counts_lines_up_to_a_position) {
  EXPECT_EQ(line_of_position("a\nb\nc", 0), 1);
  EXPECT_EQ(line_of_position("a\nb\nc", 2), 2);
  EXPECT_EQ(line_of_position("a\nb\nc", 999), 3);
}

}  // namespace
}  // namespace carrel
