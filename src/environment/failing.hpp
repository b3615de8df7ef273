// `return failed(what, why, hint)`: an Error with its fields in the order in which they are
// printed.
#pragma once

#include "base/error.hpp"

#include <expected>
#include <string>
#include <utility>

namespace carrel {

inline std::unexpected<Error> failed(std::string what, std::string why, std::string hint,
                                     Exit exit = Exit::failed, Reason reason = Reason::other) {
  Error error;
  error.what = std::move(what);
  error.why = std::move(why);
  error.hint = std::move(hint);
  error.exit = exit;
  error.reason = reason;
  return fail(std::move(error));
}

}  // namespace carrel
