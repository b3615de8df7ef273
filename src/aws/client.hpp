// One call to AWS: signed, held back to the rate that AWS allows, made again when that may help,
// its failure an Error (aws/errors.hpp). The typed calls (aws/ec2_*.hpp, sts.hpp, ...) are
// functions over it.
#pragma once

#include "aws/credentials.hpp"
#include "aws/params.hpp"
#include "aws/retry.hpp"
#include "aws/service.hpp"
#include "aws/throttle.hpp"
#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/https.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace carrel {

// Nothing else to do meanwhile; errors: interrupted, timed_out (the pause does not end in time).
using Pause = std::function<Result<>(Milliseconds, const Wait&)>;
Result<> system_pause(Milliseconds duration, const Wait& wait);

// What a client needs of the outside; everything outlives it.
struct AwsOutside {
  Https& https;
  const Clock& clock;
  Random& random;
  CredentialsSource& credentials;
  Throttle& throttle;
  RetryQuota& quota;
  Pause pause = system_pause;
  // Waits of two seconds and more, in words; any thread. Empty: nobody listens.
  std::function<void(std::string_view)> tell = {};
};

// In one region. Any thread.
class AwsClient {
 public:
  AwsClient(AwsOutside outside, std::string region, EndpointOverrides endpoints = {});

  const std::string& region() const { return region_; }

  // The body of the answer, which was 200. An attempt that has no answer after a minute has failed.
  Result<std::string> call(const Service& service, std::string_view action, const Params& params,
                           const Wait& wait) const;
  Result<std::string> call_json(const Service& service, std::string_view action,
                                const std::string& body, const Wait& wait) const;

 private:
  struct Call;
  Result<std::string> make(const Call& call, const Wait& wait) const;
  Result<> pause(Milliseconds duration, const std::function<std::string()>& why,
                 const Wait& wait) const;

  AwsOutside outside_;
  std::string region_;
  EndpointOverrides endpoints_;
};

}  // namespace carrel
