// Password hashes in Jupyter's form (jupyter_server.auth.security): "argon2:" + PHC string,
// argon2id, m=10240, t=10, p=8, as Jupyter's own `passwd` makes them. Old forms ("sha1:salt:hex",
// any hashlib name) are recognised, never made.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "os/random.hpp"

#include <string>
#include <string_view>

namespace carrel {

Result<Secret> hash_password(const Secret& password, Random& random);
// Checks the form only. What is wrong with it, and the command that makes one, otherwise.
Result<> check_password_hash(std::string_view hash);
bool verify_password(std::string_view hash, const Secret& password);  // argon2 only

}  // namespace carrel
