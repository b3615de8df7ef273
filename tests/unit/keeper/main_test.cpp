// The tests are also the program that a client starts as the keeper: "keeper FOLDER" starts
// "serve FOLDER" apart, as the command line's does.
#include "keeper/keeper.hpp"
#include "os/companion.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  using namespace carrel;
  const std::string_view word = argc > 2 ? argv[1] : "";
  if (word == "keeper") {
    const auto started = start_apart(
        {.argv = {"/proc/self/exe", "serve", argv[2]}, .environment = this_environment()},
        std::string(argv[2]) + "/log");
    return started ? 0 : 1;
  }
  if (word == "serve") {
    Interrupt interrupt;
    interrupt.catch_signals();
    SystemRandom random;
    const KeeperPlace place{.folder = argv[2], .log = std::string(argv[2]) + "/log"};
    return serve_keeper(place, this_environment(), random,
                        {.deadline = std::nullopt, .interrupt = &interrupt})
               ? 0
               : 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
