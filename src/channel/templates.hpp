// Variables whose values name other variables, as jupyter_client reads the `env` of a kernelspec:
// ${NAME} is the machine's variable, $$ is one $, an unknown name stays as it is written. Pure.
#pragma once

#include "os/process.hpp"

namespace carrel {

// The templates with the variables of `base`: what is added to `base`.
Environment substituted(const Environment& templates, const Environment& base);

}  // namespace carrel
