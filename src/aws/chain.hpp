// Where a person's credentials and region come from, in the order of AWS's own tools: the
// environment; the profile's role, SSO session, keys, credential_process; the container; the
// machine.
//
// A source that is set up but fails ends the search with its own error: nobody wants another
// account's keys because a login has expired. When there is none, the error lists what was tried.
#pragma once

#include "aws/client.hpp"
#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/https.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <string>

namespace carrel {

struct ChainOutside {
  Https& https;
  Processes& processes;  // for credential_process and the AWS CLI
  const Clock& clock;
  Random& random;
  Pause pause = system_pause;
};

Result<Credentials> find_credentials(const AwsConfig& config, const ChainOutside& outside,
                                     const Wait& wait);
Result<std::string> find_region(const AwsConfig& config, Https& https, const Wait& wait);

}  // namespace carrel
