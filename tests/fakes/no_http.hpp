// Nobody listens, wherever one asks.
#pragma once

#include "base/error.hpp"
#include "os/connection.hpp"
#include "os/http.hpp"
#include "os/wait.hpp"

namespace carrel {

class NoHttp final : public Http {
 public:
  Result<HttpResponse> send(const Endpoint& /*endpoint*/, const HttpRequest& /*request*/,
                            const Wait& /*wait*/) override {
    return fail({.what = "nobody listens",
                 .why = {},
                 .hint = {},
                 .reason = Reason::unreachable,
                 .trace = {}});
  }
};

}  // namespace carrel
