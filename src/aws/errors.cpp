#include "aws/errors.hpp"

#include "aws/json.hpp"
#include "aws/service.hpp"
#include "aws/time.hpp"
#include "aws/xml.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::chrono::minutes clock_tolerance{4};

constexpr std::array throttling = {
    "Throttling"sv,
    "ThrottlingException"sv,
    "ThrottledException"sv,
    "RequestThrottled"sv,
    "RequestThrottledException"sv,
    "TooManyRequestsException"sv,
    "RequestLimitExceeded"sv,
    "BandwidthLimitExceeded"sv,
    "LimitExceededException"sv,
    "SlowDown"sv,
    "PriorRequestNotComplete"sv,
    "TransactionInProgressException"sv,
    "EC2ThrottledException"sv,
    "ProvisionedThroughputExceededException"sv,
};

constexpr std::array expired = {
    "ExpiredToken"sv, "ExpiredTokenException"sv, "TokenRefreshRequired"sv,
    "RequestExpired"sv,  // what EC2 says of temporary credentials
};

constexpr std::array no_capacity = {
    "InsufficientInstanceCapacity"sv,
    "InsufficientHostCapacity"sv,
    "InsufficientCapacity"sv,
    "UnfulfillableCapacity"sv,
    "InsufficientFreeAddressesInSubnet"sv,
    "Unsupported"sv,
    "SpotMaxPriceTooLow"sv,
};

struct Advice {
  std::string_view code;
  std::string_view hint;
};

constexpr std::string_view credentials_hint =
    "check the credentials: aws sts get-caller-identity --profile PROFILE";
constexpr std::string_view permission_hint = "ask whoever runs the AWS account for this permission";
constexpr std::string_view quota_hint =
    "ask for more in the AWS console under Service Quotas, Amazon EC2";
constexpr std::string_view expired_hint =
    "get new credentials: aws sso login, or copy them again from where they came";

constexpr std::array advice = {
    Advice{"AuthFailure", credentials_hint},
    Advice{"InvalidClientTokenId", credentials_hint},
    Advice{"UnrecognizedClientException", credentials_hint},
    Advice{"SignatureDoesNotMatch", credentials_hint},
    Advice{"InvalidSignatureException", credentials_hint},
    Advice{"ExpiredToken", expired_hint},
    Advice{"ExpiredTokenException", expired_hint},
    Advice{"UnauthorizedOperation", permission_hint},
    Advice{"AccessDenied", permission_hint},
    Advice{"AccessDeniedException", permission_hint},
    Advice{"VcpuLimitExceeded", quota_hint},
    Advice{"InstanceLimitExceeded", quota_hint},
    Advice{"MaxSpotInstanceCountExceeded", quota_hint},
    Advice{"PendingVerification",
           "AWS checks the account: wait for its mail, up to 4 hours, then try again"},
    Advice{"OptInRequired",
           "accept the image's terms in the AWS Marketplace, or enable the region in the console"},
    Advice{"Blocked", "write to AWS's support: the account is blocked"},
    Advice{"RequestExpired", expired_hint},
};

struct Told {
  std::string code;
  std::string message;
  std::string request;
};

// <Response><Errors><Error> of EC2, <ErrorResponse><Error> of the others.
Told told_in_xml(const HttpResponse& response) {
  auto document = parse_xml(response.body, "Response");
  if (!document) document = parse_xml(response.body, "ErrorResponse");
  if (!document) return {};
  const pugi::xml_node root = document->document_element();
  const pugi::xml_node errors = root.child("Errors");
  const pugi::xml_node error = (errors ? errors : root).child("Error");
  const std::string request = xml_text(root, "RequestID");
  return {xml_text(error, "Code"), xml_text(error, "Message"),
          request.empty() ? xml_text(root, "RequestId") : request};
}

Told told_in_json(const HttpResponse& response) {
  Told told;
  // "com.amazon.coral.service#ThrottlingException:http://internal.amazon.com/..."
  told.code = response.header("x-amzn-ErrorType");
  if (const auto body = parse_json_object(response.body, "the answer"); body) {
    if (told.code.empty()) told.code = json_text(*body, "__type");
    told.message = json_text(*body, "message");
    if (told.message.empty()) told.message = json_text(*body, "Message");
  }
  told.code = told.code.substr(0, told.code.find(':'));
  told.code = told.code.substr(told.code.rfind('#') + 1);
  return told;
}

Reason reason_of(std::string_view code, int status) {
  if (is_throttling(code) || status == 429) return Reason::busy;
  if (is_no_capacity(code)) return Reason::refused;
  if (code.contains("NotFound") || code == "NoSuchResourceException") return Reason::not_found;
  if (code.contains("Duplicate") || code.contains("AlreadyExists")) return Reason::exists;
  return status >= 500 ? Reason::unreachable : Reason::refused;
}

bool is_about_time(std::string_view code) {
  return code == "RequestExpired" || code == "AuthFailure" || code == "SignatureDoesNotMatch" ||
         code == "InvalidSignatureException" || code == "RequestTimeTooSkewed";
}

}  // namespace

bool is_throttling(std::string_view code) {
  return std::ranges::find(throttling, code) != throttling.end();
}

bool is_expired(std::string_view code) {
  return std::ranges::find(expired, code) != expired.end();
}

bool is_no_capacity(std::string_view code) {
  return std::ranges::find(no_capacity, code) != no_capacity.end();
}

Error aws_error(const Service& service, std::string_view action, const HttpResponse& response,
                WallTime now) {
  Told told = service.protocol == Protocol::json ? told_in_json(response) : told_in_xml(response);
  if (told.request.empty()) told.request = response.header("x-amzn-RequestId");
  const std::string name =
      told.code.empty() ? fmt::format("HTTP status {}", response.status) : told.code;
  std::string why = printable(told.message.empty() ? name : name + ": " + told.message);
  if (!told.request.empty()) why += fmt::format(" (request {})", printable(told.request));
  Error error = {.what = fmt::format("AWS did not do {}:{}", service.signing_name, action),
                 .why = std::move(why),
                 .hint = {},
                 .exit = Exit::failed,
                 .reason = reason_of(told.code, response.status),
                 .trace = {},
                 .code = told.code};
  const auto found = std::ranges::find(advice, std::string_view(told.code), &Advice::code);
  if (found != advice.end()) {
    error.hint = found->hint;
    error.exit = Exit::act;
  }
  const auto theirs = http_date(response.header("Date"));
  if (theirs && is_about_time(told.code) && std::chrono::abs(now - *theirs) > clock_tolerance) {
    const auto off = std::chrono::duration_cast<Milliseconds>(now - *theirs);
    error.hint =
        fmt::format("set this computer's clock: it is {} {}", duration_text(std::chrono::abs(off)),
                    off.count() > 0 ? "ahead" : "behind");
    error.exit = Exit::act;
  }
  return error;
}

}  // namespace carrel
