// What `up` is asked for, put together from flags, the journal and the folder's files.
#pragma once

#include "environment/environment.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"

namespace carrel {

struct Wish {
  Spec asked_now;
  Spec flags;  // what was told, now or earlier: remembered
  Spec spec;   // with the folder's own file below
  EnvironmentSpec environment;
  MachineWish machine;
};

Hardware hardware_of(const Spec& spec);

}  // namespace carrel
