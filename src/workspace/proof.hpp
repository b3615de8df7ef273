// The proof that a workspace works: one cell, run in a real kernel through its server. It computes
// something, asks the kernel's Python for its version and the machine for its GPU, and leaves no
// name and no history behind.
#pragma once

#include "base/error.hpp"
#include "jupyter/client.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"

#include <string>
#include <string_view>

namespace carrel {

struct Proof {
  std::string output;  // what the computation gave: "42"
  std::string python;  // the kernel's version, "3.11.2"
  std::string gpu;     // "NVIDIA H100 80GB HBM3, 81559 MiB"; several joined with "; "; "" for none
  Milliseconds cell{0};  // from request to reply
};

Result<Proof> prove(KernelConnection& kernel, const Clock& clock, const Wait& wait);

std::string proof_json(const Proof& proof);  // as the journal keeps it
Result<Proof> read_proof(std::string_view json);

}  // namespace carrel
