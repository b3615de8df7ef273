// Options that say which machine is meant where it is paid for: `up` has them all, `doctor` those
// that decide what is looked at.
#pragma once

#include "base/error.hpp"
#include "cli/command.hpp"
#include "workspace/spec.hpp"

#include <vector>

namespace carrel::cli {

// --gpu, --count, --instance, --region, --profile, --image, --disk
std::vector<Option> machine_options();
// --lifetime, --from, --user
std::vector<Option> launch_options();

// What was given of both, and nothing else.
Result<Spec> machine_spec(const Given& given);

}  // namespace carrel::cli
