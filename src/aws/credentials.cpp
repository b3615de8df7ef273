#include "aws/credentials.hpp"

#include "base/error.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <mutex>

namespace carrel {
namespace {

// botocore refreshes as early as this, where it must.
constexpr std::chrono::minutes margin{10};

}  // namespace

Result<Credentials> CredentialsSource::get(const Wait& wait) {
  const std::scoped_lock lock(mutex_);
  if (!found_ || (found_->expires && *found_->expires - margin < clock_.wall())) {
    found_ = TRY(find_(wait));
  }
  return *found_;
}

void CredentialsSource::forget() {
  const std::scoped_lock lock(mutex_);
  found_.reset();
}

}  // namespace carrel
