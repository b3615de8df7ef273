#include "notebook/document.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

const std::filesystem::path golden = CARREL_SOURCE_DIR "/tests/unit/notebook/golden";

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string with_cells(std::string_view cells) {
  return fmt::format(R"({{"cells": [{}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}})",
                     cells);
}

std::string code_cell(std::string_view source = "", std::string_view outputs = "[]") {
  return fmt::format(R"({{"cell_type": "code", "id": "a", "execution_count": 1, "metadata": {{}},)"
                     R"( "source": "{}", "outputs": {}}})",
                     source, outputs);
}

NotebookDocument parsed(std::string_view text) {
  auto document = NotebookDocument::parse(text);
  EXPECT_TRUE(document) << document.error().what << " " << document.error().why;
  return std::move(document).value();
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    const auto file = entry.path().filename().string();
    if (file.ends_with(".in.ipynb") && file != "a_run.in.ipynb") {
      names.push_back(file.substr(0, file.find('.')));
    }
  }
  std::ranges::sort(names);
  return names;
}

class WrittenByNbformat : public testing::TestWithParam<std::string> {};

TEST_P(WrittenByNbformat, an_untouched_document_is_written_as_nbformat_writes_it) {
  const auto expected = bytes_of(golden / (GetParam() + ".out.ipynb"));
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(parsed(bytes_of(golden / (GetParam() + ".in.ipynb"))).to_json(), expected);
  EXPECT_EQ(parsed(expected).to_json(), expected);
}

INSTANTIATE_TEST_SUITE_P(golden, WrittenByNbformat, testing::ValuesIn(golden_names()),
                         [](const auto& test) { return test.param; });

TEST(document, a_run_is_written_as_nbformat_writes_it) {
  auto document = parsed(bytes_of(golden / "a_run.in.ipynb"));
  const auto add = [&](std::size_t cell, std::string_view output) {
    const auto added = document.add_output(cell, output);
    EXPECT_TRUE(added) << added.error().what;
  };
  document.clear_outputs(1);
  document.clear_outputs(2);
  document.set_execution_count(1, 7);
  add(1, R"({"output_type": "stream", "name": "stdout", "text": "10 %\r20 %\r"})");
  add(1, R"({"output_type": "stream", "name": "stdout", "text": "100 %\nbackspace\b"})");
  add(1, R"({"output_type": "stream", "name": "stdout", "text": ["\n", "done\n"]})");
  add(1, R"({"output_type": "stream", "name": "stderr", "text": "careful\n"})");
  add(1, R"({"output_type": "stream", "name": "stdout", "text": "more\n"})");
  add(1, R"({"output_type": "display_data", "data": {"text/plain": "old"}, "metadata": {},)"
         R"( "transient": {"display_id": "d1"}})");
  add(1, R"({"output_type": "execute_result", "data": {"text/plain": "42"}, "metadata": {},)"
         R"( "execution_count": 7, "transient": {}})");
  add(2, R"({"output_type": "display_data", "data": {"text/plain": "old"},)"
         R"( "transient": {"display_id": "d1"}})");
  add(2, R"({"output_type": "display_data", "data": {"text/plain": "other"}, "metadata": {},)"
         R"( "transient": {"display_id": "d2"}})");
  add(2, R"({"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["a\nb", "c"]})");
  EXPECT_TRUE(document.update_display(
      R"({"data": {"text/plain": "new\nvalue"}, "metadata": {"updated": true},)"
      R"( "transient": {"display_id": "d1"}})"));
  EXPECT_EQ(document.to_json(), bytes_of(golden / "a_run.out.ipynb"));
}

TEST(document, lists_its_code_cells_with_index_source_id_and_tags) {
  const auto document = parsed(with_cells(
      R"({"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Title"},)"
      R"({"cell_type": "code", "id": "one", "metadata": {"tags": ["raises-exception", "x"]},)"
      R"( "source": ["a = 1\n", "a"], "outputs": []},)"
      R"({"cell_type": "code", "metadata": {"tags": ["skip-execution"]}, "source": "b",)"
      R"( "outputs": []},)"
      R"({"cell_type": "code", "id": 7, "metadata": {"tags": "skip-execution"}, "source": "",)"
      R"( "outputs": []})"));
  const auto cells = document.code_cells();
  ASSERT_EQ(cells.size(), 3U);
  EXPECT_EQ(cells[0].index, 1U);
  EXPECT_EQ(cells[0].source, "a = 1\na");
  EXPECT_EQ(cells[0].id, "one");
  EXPECT_TRUE(cells[0].raises_exception);
  EXPECT_FALSE(cells[0].skip);
  EXPECT_EQ(cells[1].index, 2U);
  EXPECT_EQ(cells[1].id, "");
  EXPECT_FALSE(cells[1].raises_exception);
  EXPECT_TRUE(cells[1].skip);
  EXPECT_EQ(cells[2].id, "");
  EXPECT_FALSE(cells[2].skip);
}

TEST(document, knows_its_kernel_and_language) {
  struct Case {
    std::string_view metadata, kernel, language;
  };
  for (const auto& [metadata, kernel, language] : std::vector<Case>{
           {R"({})", "", ""},
           {R"({"kernelspec": {"name": "python3", "language": "python"}})", "python3", "python"},
           {R"({"kernelspec": {"name": "ir"}, "language_info": {"name": "R"}})", "ir", "R"},
           {R"({"kernelspec": {"language": "julia"}, "language_info": {"name": "python"}})", "",
            "julia"},
           {R"({"kernelspec": 3, "language_info": []})", "", ""},
           {R"({"kernelspec": {"name": 3}, "language_info": {"name": null}})", "", ""}}) {
    const auto document = parsed(fmt::format(
        R"({{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}})", metadata));
    EXPECT_EQ(document.kernel_name(), kernel) << metadata;
    EXPECT_EQ(document.language(), language) << metadata;
  }
}

TEST(document, refuses_what_is_no_notebook_and_names_the_place) {
  struct Case {
    std::string text, what;
  };
  const auto cases = std::vector<Case>{
      {"", "no valid JSON at byte 1"},
      {R"({"cells": [)", "no valid JSON at byte 12"},
      {R"({"a": tru})", "no valid JSON at byte 10"},
      {"{} {}", "no valid JSON at byte 4"},
      {"{\"a\": \"\xff\"}", "no valid JSON at byte 8"},
      {R"({"a": "\ud800"})", "no valid JSON at byte"},
      {R"({"a": NaN})", "no valid JSON at byte"},
      {R"({"a": 1e999})", "no valid JSON at byte"},
      {"[]", "no JSON object"},
      {"{}", "no format number"},
      {R"({"nbformat": "4"})", "no format number"},
      {R"({"nbformat": 4.0})", "no format number"},
      {R"({"nbformat": 3, "worksheets": []})", "old format 3"},
      {R"({"worksheets": []})", "old format 3 or older"},
      {R"({"nbformat": -1})", "old format -1"},
      {R"({"nbformat": 5})", "of format 5"},
      {R"({"nbformat": 4, "cells": []})", "no metadata"},
      {R"({"nbformat": 4, "metadata": []})", "no metadata"},
      {R"({"nbformat": 4, "metadata": {}})", "no list of cells"},
      {R"({"nbformat": 4, "metadata": {}, "cells": {}})", "no list of cells"},
      {with_cells(code_cell() + ", 7"), "cell 2 is no object"},
      {with_cells("null"), "cell 1 is no object"},
      {with_cells(R"({"metadata": {}, "source": ""})"), "cell 1 has no cell_type"},
      {with_cells(R"({"cell_type": 1, "metadata": {}, "source": ""})"), "cell 1 has no cell_type"},
      {with_cells(R"({"cell_type": "code", "source": ""})"), "cell 1 has no metadata"},
      {with_cells(R"({"cell_type": "code", "metadata": {}})"), "cell 1 has no source"},
      {with_cells(R"({"cell_type": "raw", "metadata": {}, "source": 1})"), "cell 1: its source"},
      {with_cells(R"({"cell_type": "raw", "metadata": {}, "source": ["a", 1]})"),
       "cell 1: its source"},
      {with_cells(
           R"({"cell_type": "raw", "metadata": {}, "source": "", "attachments": {"a": null}})"),
       "cell 1: an attachment"},
      {with_cells(code_cell("", "{}")), "cell 1: its outputs"},
      {with_cells(code_cell() + "," + code_cell("", "[[]]")), "cell 2, output 1 is no object"},
      {with_cells(code_cell("", "[{}]")), "cell 1, output 1 has no output_type"},
      {with_cells(code_cell("", R"([{"output_type": "stream", "text": ["a", {}]}])")),
       "cell 1, output 1: its text"},
      {with_cells(code_cell("", R"([{"output_type": "display_data", "data": ["a"]}])")),
       "cell 1, output 1: its data"},
  };
  for (const auto& [text, what] : cases) {
    const auto document = NotebookDocument::parse(text);
    ASSERT_FALSE(document) << text;
    EXPECT_NE(document.error().what.find(what), std::string::npos) << text << "\n"
                                                                   << document.error().what;
    EXPECT_EQ(document.error().reason, Reason::corrupt) << text;
  }
}

TEST(document, an_old_format_comes_with_the_command_that_upgrades_it) {
  const auto document = NotebookDocument::parse(R"({"nbformat": 3, "worksheets": []})");
  ASSERT_FALSE(document);
  EXPECT_NE(document.error().hint.find("jupyter nbconvert --to notebook --inplace"),
            std::string::npos);
}

TEST(document, refuses_nesting_that_would_exhaust_the_stack) {
  for (const std::string_view open : {"[", R"({"a":)"}) {
    std::string text = R"({"metadata": )";
    for (int level = 0; level < 1'000'000; ++level) text += open;
    const auto document = NotebookDocument::parse(text);
    ASSERT_FALSE(document);
    EXPECT_NE(document.error().what.find("nested more than 512"), std::string::npos)
        << document.error().what;
  }
}

TEST(document, reads_again_what_it_wrote_with_the_deepest_output_it_accepts) {
  const auto nested = [](std::size_t levels) {
    return R"({"output_type": "display_data", "data": {"application/json": )" +
           std::string(levels, '[') + std::string(levels, ']') + "}}";
  };
  auto document = parsed(with_cells(code_cell()));
  EXPECT_TRUE(document.add_output(0, nested(498)));
  EXPECT_FALSE(document.add_output(0, nested(499)));
  EXPECT_EQ(parsed(document.to_json()).to_json(), document.to_json());
}

TEST(document, a_code_cell_without_outputs_gets_the_empty_list) {
  auto document =
      parsed(with_cells(R"({"cell_type": "code", "metadata": {}, "source": "", "id": "a"})"));
  EXPECT_NE(document.to_json().find(R"("outputs": [])"), std::string::npos);
  EXPECT_TRUE(document.add_output(0, R"({"output_type": "stream", "name": "a", "text": "b"})"));
}

TEST(document, clearing_removes_outputs_and_count_of_that_cell_alone) {
  const auto* const outputs = R"([{"output_type": "stream", "name": "stdout", "text": "x"}])";
  auto document = parsed(with_cells(code_cell("a", outputs) + ", " + code_cell("b", outputs)));
  const auto before = document.to_json();
  document.clear_outputs(0);
  const auto expected =
      parsed(with_cells(R"({"cell_type": "code", "id": "a", "execution_count": null,)"
                        R"( "metadata": {}, "source": "a", "outputs": []}, )" +
                        code_cell("b", outputs)));
  EXPECT_EQ(document.to_json(), expected.to_json());
  EXPECT_NE(document.to_json(), before);
}

TEST(document, a_cleared_output_is_not_found_by_its_display_id) {
  auto document = parsed(with_cells(code_cell()));
  const auto* const shown =
      R"({"output_type": "display_data", "data": {}, "transient": {"display_id": "d"}})";
  ASSERT_TRUE(document.add_output(0, shown));
  document.clear_outputs(0);
  ASSERT_TRUE(document.add_output(0, R"({"output_type": "display_data", "data": {}})"));
  const auto before = document.to_json();
  EXPECT_TRUE(document.update_display(
      R"({"data": {"text/plain": "x"}, "transient": {"display_id": "d"}})"));
  EXPECT_EQ(document.to_json(), before);
}

TEST(document, a_split_line_end_is_joined_before_it_is_written) {
  auto document = parsed(with_cells(code_cell()));
  ASSERT_TRUE(document.add_output(0, R"({"output_type": "stream", "name": "o", "text": "a\r"})"));
  ASSERT_TRUE(document.add_output(0, R"({"output_type": "stream", "name": "o", "text": "\nb"})"));
  EXPECT_NE(document.to_json().find("\"a\\r\\n\",\n"), std::string::npos) << document.to_json();
}

TEST(document, refuses_malformed_outputs_and_stays_as_it_was) {
  auto document = parsed(with_cells(
      code_cell() + R"(, {"cell_type": "raw", "id": "r", "metadata": {}, "source": ""})"));
  const auto before = document.to_json();
  for (const std::string_view bad :
       {"", "{", "[]", "null", "7", R"({"output_type": 3})", R"({"output_type": "status"})",
        R"({"output_type": "stream", "name": "stdout"})", R"({"output_type": "stream"})",
        R"({"output_type": "stream", "name": 1, "text": "a"})",
        R"({"output_type": "stream", "name": "stdout", "text": ["a", 1]})",
        R"({"output_type": "display_data"})", R"({"output_type": "display_data", "data": "x"})",
        R"({"output_type": "display_data", "data": {}, "metadata": []})",
        R"({"output_type": "error", "ename": "E", "evalue": "e"})",
        R"({"output_type": "error", "ename": "E", "evalue": "e", "traceback": [1]})"}) {
    EXPECT_FALSE(document.add_output(0, bad)) << bad;
  }
  const auto* const good = R"({"output_type": "stream", "name": "stdout", "text": "a"})";
  EXPECT_FALSE(document.add_output(1, good)) << "a raw cell has no outputs";
  EXPECT_FALSE(document.add_output(2, good)) << "there is no such cell";
  document.clear_outputs(1);
  document.clear_outputs(99);
  document.set_execution_count(1, 3);
  document.set_execution_count(99, 3);
  EXPECT_EQ(document.to_json(), before);
}

TEST(document, refuses_malformed_display_updates) {
  auto document = parsed(with_cells(code_cell()));
  for (const std::string_view bad :
       {"", "[]", "{}", R"({"data": {}})", R"({"data": {}, "transient": null})",
        R"({"data": {}, "transient": {"display_id": 4}})", R"({"transient": {"display_id": "d"}})",
        R"({"data": [], "transient": {"display_id": "d"}})"}) {
    EXPECT_FALSE(document.update_display(bad)) << bad;
  }
}

TEST(document, stops_taking_outputs_at_its_limit_and_takes_them_again_when_cleared) {
  auto document = parsed(with_cells(code_cell()));
  const auto* const small =
      R"({"output_type": "display_data", "data": {}, "transient": {"display_id": "d"}})";
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(document.add_output(0, small));
  // One update of a megabyte in 300 places: as much as 300 megabytes from the kernel, but quick.
  const auto large =
      fmt::format(R"({{"data": {{"text/plain": "{}"}}, "transient": {{"display_id": "d"}}}})",
                  std::string(1'000'000, 'x'));
  const auto refused = document.update_display(large);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("268 MB"), std::string::npos) << refused.error().what;
  EXPECT_FALSE(document.add_output(0, R"({"output_type": "stream", "name": "stdout", "text": ")" +
                                          std::string(1'000'000, 'x') + "\"}"));
  document.clear_outputs(0);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(document.add_output(0, small));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(document.update_display(large)) << "a new value takes the room of the old one";
  }
}

TEST(document, refuses_a_file_that_is_too_large_before_reading_it) {
  const auto document = NotebookDocument::parse(std::string((std::size_t{256} << 20) + 1, '['));
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().what, "the notebook is larger than 268 MB");
}

TEST(document, execution_counts_are_set_and_unset) {
  auto document = parsed(with_cells(code_cell()));
  document.set_execution_count(0, 12);
  EXPECT_NE(document.to_json().find(R"("execution_count": 12,)"), std::string::npos);
  document.set_execution_count(0, {});
  EXPECT_NE(document.to_json().find(R"("execution_count": null,)"), std::string::npos);
}

}  // namespace
}  // namespace carrel
