#include "workspace/proof.hpp"

#include "base/error.hpp"
#include "fakes/fake_clock.hpp"
#include "jupyter/client.hpp"
#include "os/wait.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

// A kernel that answers every cell with the same outputs and result.
class FakeKernel final : public KernelConnection {
 public:
  FakeKernel(FakeClock& clock, std::vector<std::string> outputs, Result<ExecuteResult> result)
      : clock_(clock), outputs_(std::move(outputs)), result_(std::move(result)) {}
  Result<ExecuteResult> execute(std::string_view code, bool store_history,
                                const ExecuteEvents& events, const Wait& /*wait*/) override {
    asked = code;
    history = store_history;
    clock_.advance(Milliseconds(120));
    for (const auto& output : outputs_) events.on_output(output);
    return result_;
  }
  Result<ExecuteResult> finish(const ExecuteEvents& /*events*/, const Wait& /*wait*/) override {
    return result_;
  }
  std::string asked;
  bool history = true;

 private:
  FakeClock& clock_;
  std::vector<std::string> outputs_;
  Result<ExecuteResult> result_;
};

std::string printed(std::string_view text) {
  return R"({"output_type":"stream","name":"stdout","text":")" + std::string(text) + "\"}";
}
constexpr std::string_view answer =
    R"({\"output\": \"42\", \"python\": \"3.11.2\", \"gpu\": \"\"}\n)";
ExecuteResult ok() {
  return {.status = "ok", .execution_count = 1};
}

TEST(proof, is_what_the_cell_printed_and_how_long_it_took) {
  FakeClock clock;
  FakeKernel kernel(clock, {printed(answer)}, ok());
  const auto proof = prove(kernel, clock, Wait{});
  ASSERT_TRUE(proof) << proof.error().what;
  EXPECT_EQ(proof->output, "42");
  EXPECT_EQ(proof->python, "3.11.2");
  EXPECT_EQ(proof->gpu, "");
  EXPECT_EQ(proof->cell, Milliseconds(120));
  EXPECT_FALSE(kernel.history);
}

TEST(proof, is_put_together_from_pieces_and_only_from_standard_output) {
  FakeClock clock;
  FakeKernel kernel(clock,
                    {R"({"output_type":"stream","name":"stderr","text":"warning: {"})",
                     printed(answer.substr(0, 20)), "no json", "[]", R"({"output_type":7})",
                     R"({"output_type":"stream","name":"stdout","text":8})",
                     R"({"output_type":"stream","name":9,"text":"x"})",
                     R"({"output_type":"display_data","data":{}})", printed(answer.substr(20))},
                    ok());
  const auto proof = prove(kernel, clock, Wait{});
  ASSERT_TRUE(proof) << proof.error().what << proof.error().why;
  EXPECT_EQ(proof->output, "42");
}

TEST(proof, is_refused_when_the_answer_is_wrong) {
  FakeClock clock;
  for (const std::string_view text :
       {"", "43", "[]", "null", R"({\"output\": 42, \"python\": \"3\", \"gpu\": \"\"})",
        R"({\"output\": \"43\", \"python\": \"3\", \"gpu\": \"\"})", R"({\"output\": \"42\"})",
        R"({\"output\": \"42\", \"python\": \"3\", \"gpu\": \"\", \"cell_ms\": \"x\"})"}) {
    FakeKernel kernel(clock, {printed(text)}, ok());
    const auto proof = prove(kernel, clock, Wait{});
    ASSERT_FALSE(proof) << text;
    EXPECT_FALSE(proof.error().hint.empty());
  }
}

TEST(proof, tells_the_kernels_own_words_without_its_escape_sequences) {
  FakeClock clock;
  FakeKernel kernel(clock, {},
                    ExecuteResult{.status = "error",
                                  .execution_count = 1,
                                  .error_name = "ModuleNotFoundError",
                                  .error_value = "no \x1b[31mjson"});
  const auto proof = prove(kernel, clock, Wait{});
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().why, "ModuleNotFoundError: no ^[[31mjson");
}

TEST(proof, passes_on_that_the_server_did_not_answer) {
  FakeClock clock;
  FakeKernel kernel(clock, {},
                    fail({.what = "gone", .hint = {}, .reason = Reason::unreachable, .trace = {}}));
  const auto proof = prove(kernel, clock, Wait{});
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().reason, Reason::unreachable);
}

TEST(proof, is_read_back_from_the_journal) {
  const Proof proof{.output = "42",
                    .python = "3.13.0",
                    .gpu = "NVIDIA H100 80GB HBM3, 81559 MiB",
                    .cell = Milliseconds(31)};
  const auto again = read_proof(proof_json(proof));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->output, proof.output);
  EXPECT_EQ(again->python, proof.python);
  EXPECT_EQ(again->gpu, proof.gpu);
  EXPECT_EQ(again->cell, proof.cell);
  EXPECT_TRUE(read_proof(proof_json({.output = "\xff\xfe", .python = "3", .gpu = ""})));
  for (const auto* damaged : {"", "{", "3", "{}", R"({"output":"42","python":"3"})"}) {
    EXPECT_FALSE(read_proof(damaged)) << damaged;
  }
}

}  // namespace
}  // namespace carrel
