// A call to a service that speaks JSON. Private to aws/.
#pragma once

#include "aws/client.hpp"
#include "aws/json.hpp"
#include "aws/service.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <functional>
#include <string_view>

namespace carrel {

Result<Json> json_call(const AwsClient& client, const Service& service, std::string_view action,
                       const Json& arguments, const Wait& wait);
// Each page, while `on_page` wants more and there is a next one.
Result<> json_pages(const AwsClient& client, const Service& service, std::string_view action,
                    Json arguments, const Wait& wait,
                    const std::function<bool(const Json&)>& on_page);

}  // namespace carrel
