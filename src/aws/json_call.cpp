#include "aws/json_call.hpp"

#include "aws/client.hpp"
#include "aws/json.hpp"
#include "aws/service.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <functional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr int most_pages = 1000;

}  // namespace

Result<Json> json_call(const AwsClient& client, const Service& service, std::string_view action,
                       const Json& arguments, const Wait& wait) {
  const std::string body = arguments.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string answer = TRY(client.call_json(service, action, body, wait));
  return parse_json_object(answer,
                           fmt::format("AWS's answer to {}:{}", service.signing_name, action));
}

Result<> json_pages(const AwsClient& client, const Service& service, std::string_view action,
                    Json arguments, const Wait& wait,
                    const std::function<bool(const Json&)>& on_page) {
  for (int page = 0; page < most_pages; ++page) {
    const Json answer = TRY(json_call(client, service, action, arguments, wait));
    const std::string next = json_text(answer, "NextToken");
    if (!on_page(answer) || next.empty()) return {};
    arguments["NextToken"] = next;
  }
  return fail(
      {.what = fmt::format("AWS's answer to {}:{} does not end", service.signing_name, action),
       .why = fmt::format("it has over {} pages", most_pages),
       .hint = {},
       .exit = Exit::failed,
       .reason = Reason::corrupt,
       .trace = {}});
}

}  // namespace carrel
