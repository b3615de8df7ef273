// The keeper's process: docs/development/keeper.md says what it does and what is said to it.
#pragma once

#include "base/error.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <filesystem>

namespace carrel {

// Where the keeper of this person is to be found.
struct KeeperPlace {
  std::filesystem::path folder;  // Carrel's runtime folder, 0700
  std::filesystem::path log;
  std::filesystem::path socket() const { return folder / "keeper"; }
  std::filesystem::path lock() const { return folder / "keeper.lock"; }
};

// Serves until the last workspace is dropped, `wait` is interrupted, or nobody has told it anything
// for a while. At once when another keeper is there: no error. `environment` is ssh's and that of
// the programs that know addresses.
Result<> serve_keeper(const KeeperPlace& place, const Environment& environment, Random& random,
                      const Wait& wait);

}  // namespace carrel
