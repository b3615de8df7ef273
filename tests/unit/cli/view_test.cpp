#include "base/names.hpp"
#include "cli/ready.hpp"
#include "cli/run_view.hpp"
#include "cli/show.hpp"
#include "os/clock.hpp"
#include "workspace/workspaces.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace carrel::cli {
namespace {

using namespace std::chrono_literals;
constexpr Look plain{.colours = false, .unicode = true, .width = 60};

UpResult result() {
  UpResult value{.status = {.id = WorkspaceId::make(WallTime{}, "0123456789"),
                            .name = *WorkspaceName::parse("hello")}};
  value.status.url = "http://127.0.0.1:8888/lab";
  value.status.machine_ref.place = "this computer";
  value.proof = {.output = "42", .python = "3.11.2", .gpu = "", .cell = Milliseconds(6)};
  return value;
}

TEST(ready, says_the_proof_the_address_how_to_stop_and_what_it_costs) {
  EXPECT_EQ(ready_text(result(), "", plain),
            "hello is up\n"
            "  proof    cell 6*7 -> 42 in 6 ms, Python 3.11.2, no GPU on this machine\n"
            "  address  http://127.0.0.1:8888/lab\n"
            "  open     carrel open hello\n"
            "  stop     carrel stop hello\n"
            "  costs    nothing: this is your own computer\n");
}

TEST(ready, shows_the_address_that_signs_in_instead_of_the_plain_one) {
  auto value = result();
  value.was_up = true;
  value.proof.gpu = "NVIDIA H100, 79 GB";
  const auto text = ready_text(value, "http://127.0.0.1:8888/t/x", plain);
  EXPECT_TRUE(text.starts_with("hello was up already\n"));
  EXPECT_NE(text.find("open   http://127.0.0.1:8888/t/x\n"), std::string::npos) << text;
  EXPECT_NE(text.find("once, within ten minutes"), std::string::npos);
  EXPECT_NE(text.find("Python 3.11.2, NVIDIA H100, 79 GB"), std::string::npos);
  EXPECT_EQ(text.find("/lab"), std::string::npos);
}

TEST(ready, shows_the_fingerprint_of_a_public_workspace) {
  auto value = result();
  value.fingerprint = "AB:CD";
  EXPECT_NE(ready_text(value, "", plain).find("certificate  SHA-256 AB:CD\n"), std::string::npos);
}

TEST(run_view, the_bar_fits_and_fills) {
  EXPECT_EQ(bar_text(std::nullopt, 200ms, plain), "opening the notebook  0.2 s");
  EXPECT_EQ(bar_text(RunPoint{.done = 5, .cells = 10, .first_line = "x = 1"}, 12s, plain),
            "━━━━━━━━━━──────────  5/10  12 s  x = 1");
  EXPECT_EQ(bar_text(RunPoint{.done = 0, .cells = 0, .first_line = ""}, 1s, plain),
            "────────────────────  0/0  1.0 s  ");
  const auto full = bar_text(RunPoint{.done = 99, .cells = 9, .first_line = std::string(99, 'x')},
                             1s, {.colours = false, .unicode = false, .width = 60});
  EXPECT_TRUE(full.starts_with("####################  99/9"));
  EXPECT_LT(display_width(full), 60U);
}

TEST(run_view, tracebacks_keep_only_colours_and_only_where_they_are_wanted) {
  RunReport report;
  report.traceback = {"\x1b[31mE\x1b[0m\x1b]0;t\x07", "two\nlines"};
  EXPECT_EQ(failure_text(report, plain), "E^[]0;t^G\ntwo\nlines\n");
  EXPECT_EQ(failure_text(report, {.colours = true, .unicode = true, .width = 60}),
            "\x1b[31mE\x1b[0m^[]0;t^G\x1b[0m\ntwo\nlines\n");
}

TEST(run_view, the_last_line_says_how_it_ended) {
  EXPECT_EQ(report_line("a.ipynb", {.cells = 1, .done = 1}, 12s), "a.ipynb: 1 cell in 12 s");
  RunReport failed{.cells = 10, .done = 2, .failed_cell = 3, .error_name = "KeyError"};
  failed.error_value = "'a\x1b[2J'";
  EXPECT_EQ(report_line("a.ipynb", failed, 2s),
            "a.ipynb: cell 3 of 10 failed after 2.0 s: KeyError: 'a^[[2J'");
  RunReport interrupted{.cells = 10, .done = 2};
  interrupted.interrupted = true;
  EXPECT_EQ(report_line("a.ipynb", interrupted, 2s),
            "a.ipynb: interrupted after 2.0 s, 2 of 10 cells done");
}

}  // namespace
}  // namespace carrel::cli
