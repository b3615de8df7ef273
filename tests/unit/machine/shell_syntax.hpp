#pragma once

#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace carrel {

inline void expect_that_sh_reads(const std::string& script) {
  const auto read = SystemProcesses().run({.argv = {"sh", "-n"},
                                           .environment = {{"PATH", "/usr/bin:/bin"}},
                                           .folder = {},
                                           .input = script,
                                           .terminal = false,
                                           .on_output = {}},
                                          Wait::at_most(std::chrono::seconds(10)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, 0) << read->error << script;
}

}  // namespace carrel
