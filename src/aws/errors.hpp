// What AWS answers when it does not do what it was asked, as an Error.
//
// `code` is AWS's own ("VcpuLimitExceeded"), `why` its message with the request's id, which AWS's
// support asks for. Reasons: not_found (InvalidInstanceID.NotFound...), exists (...Duplicate,
// AlreadyExists), busy (throttled: the call was not made), unreachable (a failure on AWS's side,
// which says nothing about the state of things), refused (all the rest).
#pragma once

#include "aws/service.hpp"
#include "base/error.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"

#include <string_view>

namespace carrel {

// `now`: by this computer's clock, to tell a wrong clock from wrong keys.
Error aws_error(const Service& service, std::string_view action, const HttpResponse& response,
                WallTime now);

bool is_throttling(std::string_view code);
bool is_expired(std::string_view code);  // of credentials
// There is no machine of this kind, here and now; another zone or type may have one.
bool is_no_capacity(std::string_view code);

}  // namespace carrel
