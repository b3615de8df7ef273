// What signs a request to AWS, as a value, and where it comes from.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace carrel {

struct Credentials {
  std::string access_key;
  Secret secret_key;
  Secret session_token = Secret();                 // empty: long-lived keys of a user
  std::string source = {};                         // for people: "the environment"
  std::optional<WallTime> expires = std::nullopt;  // none: they do not
};

// Finds credentials once and again when the ones that it has are about to expire, as a program that
// runs for days needs. Any thread.
class CredentialsSource {
 public:
  using Find = std::function<Result<Credentials>(const Wait&)>;
  CredentialsSource(Find find, const Clock& clock) : find_(std::move(find)), clock_(clock) {}
  Result<Credentials> get(const Wait& wait);
  void forget();  // AWS said that they have expired

 private:
  Find find_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<Credentials> found_;
};

}  // namespace carrel
