#include "files/record.hpp"

#include "base/error.hpp"
#include "files/names.hpp"
#include "os/listing.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace carrel {
namespace {

std::string zeros(std::string text) {
  for (auto& letter : text) {
    if (letter == '|') letter = '\0';
  }
  return text;
}

LastExchange some() {
  return {.machine = "i-1",
          .complete = true,
          .files = {
              {"new\nline \xff", {.kind = FileKind::file, .size = 5, .mtime = -7, .digest = "ab"}},
              {"d", {.kind = FileKind::folder}},
              {"l", {.kind = FileKind::link, .target = "../x y"}}}};
}

TEST(Record, is_read_as_it_was_written) {
  const auto read = parse_record(record_text(some()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->machine, "i-1");
  EXPECT_TRUE(read->complete);
  EXPECT_EQ(read->files, some().files);
  EXPECT_FALSE(parse_record(record_text({.machine = "i-1"}))->complete);
}

TEST(Record, of_which_any_end_is_missing_is_damaged) {
  const auto text = record_text(some());
  for (std::size_t length = 0; length < text.size(); ++length) {
    const auto read = parse_record(std::string_view(text).substr(0, length));
    ASSERT_FALSE(read) << length;
    EXPECT_EQ(read.error().reason, Reason::corrupt);
  }
}

TEST(Record, with_a_path_that_leads_outside_or_a_number_that_is_none_is_damaged) {
  for (const char* file : {"f|1|1|||../x|", "f|1|1|||/etc/x|", "f|1|1||||", "f|x|1|||a|",
                           "f|1|1x|||a|", "p|1|1|||a|", "f|-1|1|||a|"}) {
    EXPECT_FALSE(parse_record(zeros(std::string("carrel files 1|i-1|begun|") + file + "end|")))
        << file;
  }
  EXPECT_TRUE(parse_record(zeros("carrel files 1|i-1|begun|f|1|1|||a|end|")));
  EXPECT_FALSE(parse_record(zeros("carrel files 2|i-1|begun|f|1|1|||a|end|")));
}

TEST(Machines_list, gives_kinds_sizes_times_and_targets) {
  const auto list = read_find(zeros(
      "d 4096 1.0000000000|||f 5 1700000000.1234567890|a b||l 3 2.5000000000|l|../x|d 0 1|d||"));
  ASSERT_TRUE(list);
  const FileList expected = {
      {"", {.kind = FileKind::folder}},
      {"a b", {.kind = FileKind::file, .size = 5, .mtime = 1'700'000'000'123'456'789}},
      {"l", {.kind = FileKind::link, .target = "../x"}},
      {"d", {.kind = FileKind::folder}}};
  EXPECT_EQ(*list, expected);
  EXPECT_TRUE(read_find("")->empty());
}

TEST(Machines_list, leaves_out_what_leads_outside_and_is_refused_when_it_is_not_whole) {
  EXPECT_TRUE(read_find(zeros("f 5 1.0|../../.ssh/authorized_keys||f 5 1.0|/etc/passwd||"
                              "f 5 1.0|a/../../b||s 0 1.0|socket||f 5 9999999999999.0|late||"))
                  ->empty());
  EXPECT_FALSE(read_find(zeros("f 5 1.0|a|")));
  EXPECT_FALSE(read_find(zeros("f 5 1.0|a||f")));
  EXPECT_FALSE(read_find(zeros("nonsense|a||")));
}

TEST(Names, that_are_never_exchanged) {
  for (const char* path :
       {".git", ".git/config", "a/.GIT/hooks/x", ".ipynb_checkpoints/a.ipynb",
        "p/__pycache__/m.pyc", ".carrel-incoming-abc/x", "plot.from-machine.py"}) {
    EXPECT_TRUE(is_never_exchanged(path)) << path;
  }
  for (const char* path : {".gitignore", "git", "a.git/x", ".github/x", ".carrelignore"}) {
    EXPECT_FALSE(is_never_exchanged(path)) << path;
  }
}

TEST(Names, beside_a_file_keep_its_ending_and_avoid_what_is_there) {
  const std::map<std::string, FileKind> here = {{"a.py", FileKind::file},
                                                {"b.py", FileKind::file},
                                                {"b.from-machine.py", FileKind::file},
                                                {"d", FileKind::folder},
                                                {"d/x", FileKind::file},
                                                {"link", FileKind::link},
                                                {".hidden", FileKind::file},
                                                {"is.folder", FileKind::folder}};
  const auto look = [&](const std::string& path) -> std::optional<FileKind> {
    const auto found = here.find(path);
    return found == here.end() ? std::nullopt : std::optional(found->second);
  };
  const std::map<std::string, std::string> expected = {
      {"a.py", "a.from-machine.py"},
      {"b.py", "b.from-machine-2.py"},
      {"d/x", "d/x.from-machine"},
      {"link/y/z.py", "link.from-machine/y/z.py"},
      {".hidden", ".hidden.from-machine"},
      {"is.folder", "is.from-machine.folder"},
      {"d/x/deep.txt", "d/x.from-machine/deep.txt"}};
  for (const auto& [path, beside] : expected) EXPECT_EQ(name_beside(look, path), beside) << path;
}

}  // namespace
}  // namespace carrel
