#include "environment/failure.hpp"

#include "base/error.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(ExplainFailure, recognises_what_uv_and_pip_say) {
  struct Case {
    std::string output;  // from real runs of uv 0.13.9 and pip 23
    Reason reason = Reason::other;
    Exit exit = Exit::failed;
    std::string what = "it failed";
  };
  const std::vector<Case> cases = {
      {"error: Request failed after 3 retries in 11.5s\n  cause: dns error\n", Reason::no_network},
      {"WARNING: Retrying (...): Failed to establish a new connection: [Errno -3]\nERROR: No "
       "matching distribution",
       Reason::no_network},
      {"error: Failed to download `scipy`\n  cause: No space left on device (os error 28)",
       Reason::no_space},
      {"error: No solution found when resolving dependencies\n  cause: Because you require numpy<1",
       Reason::other, Exit::act},
      {"error: Couldn't parse requirement in `requirements.txt` at position 6\n  cause: Unexpected "
       "end",
       Reason::other, Exit::usage, "it failed: cannot read requirements.txt, line 2"},
      {"error: Couldn't parse requirement in `/tmp/src/requirements.txt` at position 0\n",
       Reason::other, Exit::usage, "it failed: cannot read requirements.txt, line 1"},
      {"error: Couldn't parse requirement in `other.txt` at position 6", Reason::other},
      {"` at position ", Reason::other},
      {"", Reason::other},
  };
  for (const auto& test : cases) {
    const auto error =
        explain_failure("it failed", test.output, {{"requirements.txt", "numpy\nfoo==\n"}});
    EXPECT_EQ(error.reason, test.reason) << test.output;
    EXPECT_EQ(error.exit, test.exit) << test.output;
    EXPECT_EQ(error.what, test.what) << test.output;
  }
}

TEST(ExplainFailure, keeps_the_words_and_drops_progress_and_escapes) {
  const auto error = explain_failure("x",
                                     "Using Python 3.11.2 environment at: v\n@step\nResolved 3 "
                                     "packages in 1s\nerror: \x1b[31mbad\n",
                                     {});
  EXPECT_EQ(error.why.find("Using Python"), std::string::npos);
  EXPECT_EQ(error.why.find('\x1b'), std::string::npos);
  EXPECT_NE(error.why.find("error: "), std::string::npos);
}

}  // namespace
}  // namespace carrel
