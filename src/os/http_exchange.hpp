// One HTTP/1.1 request and its answer on an open connection: what http.cpp and websocket.cpp share.
// Private to os/.
#pragma once

#include "base/error.hpp"
#include "os/connection.hpp"
#include "os/http.hpp"

#include <string>
#include <string_view>

namespace carrel {

struct HttpExchange {
  HttpResponse response;
  std::string
      surplus;  // what came behind the answer; after 101 the first bytes of the other protocol
};

// Adds Host and Content-Length, nothing else. Interim answers (1xx but 101) are passed over.
// Errors as Http::send; `other` when a part of the request would break its framing (a line end in a
// header).
Result<HttpExchange> exchange(Connection& connection, const HttpRequest& request);

// All of `bytes`, however many calls it takes.
Result<> write_all(Connection& connection, std::string_view bytes);

}  // namespace carrel
