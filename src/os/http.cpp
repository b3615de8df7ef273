#include "os/http.hpp"

#include "base/error.hpp"
#include "os/connection.hpp"
#include "os/http_exchange.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace carrel {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t header_limit = 64U << 10U;
constexpr std::uint64_t body_limit = 512ULL << 20U;
constexpr std::size_t read_size = std::size_t{64} << 10U;

Error http_error(std::string what, std::string why, Reason reason) {
  return {.what = std::move(what),
          .why = std::move(why),
          .hint = {},
          .exit = Exit::failed,
          .reason = reason,
          .trace = {}};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool has(const Headers& headers, std::string_view name) {
  return std::ranges::any_of(headers,
                             [&](const auto& field) { return same_name(field.first, name); });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

Result<std::string> head_of(const HttpRequest& request) {
  const auto breaks = [](std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  };
  const bool target_ok = !request.target.empty() && std::ranges::all_of(request.target, [](char c) {
    return c > ' ' && c < 0x7F;
  });
  if (!is_token(request.method) || !target_ok) {
    return fail(
        http_error("cannot send a request", "its method or target is not encoded", Reason::other));
  }
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
  if (!has(request.headers, "Host")) head += "Host: localhost\r\n";
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || breaks(value)) {
      // the value may be a secret: it is not shown
      return fail(
          http_error("cannot send a request", "a header has a line end in it", Reason::other));
    }
    head += fmt::format("{}: {}\r\n", name, value);
  }
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    head += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  return head + "\r\n";
}

class AnswerReader {
 public:
  AnswerReader(Connection& connection, bool head_only)
      : connection_(connection), head_only_(head_only) {}

  // Passes over interim answers.
  Result<HttpExchange> read() {
    while (true) {
      HttpResponse response = TRY(read_one());
      const bool interim = response.status / 100 == 1 && response.status != 101;
      if (!interim) return HttpExchange{std::move(response), std::move(bytes_)};
    }
  }

 private:
  using Parser = http::response_parser<http::string_body>;

  Result<HttpResponse> read_one() {
    Parser parser;
    parser.header_limit(header_limit);
    parser.body_limit(body_limit);
    parser.eager(true);
    parser.skip(head_only_);
    while (!parser.is_done()) {
      boost::system::error_code error;
      if (!bytes_.empty()) {
        const std::size_t used =
            parser.put(boost::asio::const_buffer(bytes_.data(), bytes_.size()), error);
        bytes_.erase(0, used);
        if (error && error != http::error::need_more) return fail(parse_error(error));
        if (parser.is_done()) break;
      }
      if (TRY(read_more())) continue;
      if (!parser.got_some()) return fail(lost("it sent no answer"));
      parser.put_eof(error);
      if (error) return fail(lost("its answer is not whole"));
    }
    auto message = parser.release();
    HttpResponse response;
    response.status = static_cast<int>(message.result_int());
    for (const auto& field : message) {
      response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    response.body = std::move(message.body());
    return response;
  }

  // Whether there was more.
  Result<bool> read_more() {
    const std::size_t before = bytes_.size();
    std::size_t count = 0;
    bytes_.resize(before + read_size);
    auto read = connection_.read_some(std::span(bytes_).subspan(before));
    if (read) count = *read;
    bytes_.resize(before + count);
    if (!read) return fail(std::move(read).error());
    return count > 0;
  }

  static Error lost(std::string why) {
    return http_error("the server closed the connection", std::move(why), Reason::unreachable);
  }

  static Error parse_error(const boost::system::error_code& error) {
    if (error == http::error::body_limit) {
      return http_error("the server's answer is too large", "it has over 512 MiB", Reason::refused);
    }
    return http_error("the server's answer is not HTTP", error.message(), Reason::corrupt);
  }

  Connection& connection_;
  bool head_only_;
  std::string bytes_;
};

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  const auto found = std::ranges::find_if(
      headers, [&](const auto& field) { return same_name(field.first, name); });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

Result<> write_all(Connection& connection, std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(TRY(connection.write_some(bytes)));
  return {};
}

Result<HttpExchange> exchange(Connection& connection, const HttpRequest& request) {
  const std::string head = TRY(head_of(request));
  auto written = write_all(connection, head);
  if (written) written = write_all(connection, request.body);
  if (!written && written.error().reason != Reason::unreachable) {
    return fail(std::move(written).error());
  }
  // A server may answer and close before it has read the whole body: its answer says more than the
  // broken write.
  auto answer = AnswerReader(connection, request.method == "HEAD").read();
  if (!answer && !written) return fail(std::move(written).error());
  return answer;
}

Result<HttpResponse> LocalHttp::send(const Endpoint& endpoint, const HttpRequest& request,
                                     const Wait& wait) {
  try {
    Connection connection = TRY(Connection::open(endpoint, wait));
    HttpRequest once = request;
    if (!has(once.headers, "Connection")) once.headers.emplace_back("Connection", "close");
    return TRY(exchange(connection, once)).response;
  } catch (const std::exception& error) {  // Beast: allocation
    return fail(http_error("cannot read the server's answer", error.what(), Reason::other));
  }
}

}  // namespace carrel
