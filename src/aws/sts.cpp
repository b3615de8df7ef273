#include "aws/sts.hpp"

#include "aws/client.hpp"
#include "aws/credentials.hpp"
#include "aws/params.hpp"
#include "aws/service.hpp"
#include "aws/time.hpp"
#include "aws/xml.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "os/wait.hpp"

#include <pugixml.hpp>
#include <string>

namespace carrel {
namespace {

Result<pugi::xml_document> sts_call(const AwsClient& client, const std::string& action,
                                    const Params& params, const Wait& wait) {
  const std::string body = TRY(client.call(sts_service, action, params, wait));
  return parse_xml(body, (action + "Response").c_str());
}

}  // namespace

Result<CallerIdentity> get_caller_identity(const AwsClient& client, const Wait& wait) {
  const auto document = TRY(sts_call(client, "GetCallerIdentity", {}, wait));
  const auto result = document.document_element().child("GetCallerIdentityResult");
  return CallerIdentity{.account = xml_text(result, "Account"),
                        .arn = xml_text(result, "Arn"),
                        .user_id = xml_text(result, "UserId")};
}

Result<Credentials> assume_role(const AwsClient& client, const RoleRequest& request,
                                const Wait& wait) {
  Params params;
  params.add("RoleArn", request.role)
      .add("RoleSessionName", request.session_name.empty() ? "carrel" : request.session_name)
      .add("ExternalId", request.external_id)
      .add("DurationSeconds", request.duration_s);
  const auto document = TRY(sts_call(client, "AssumeRole", params, wait));
  const auto found = document.document_element().child("AssumeRoleResult").child("Credentials");
  return Credentials{.access_key = xml_text(found, "AccessKeyId"),
                     .secret_key = Secret(xml_text(found, "SecretAccessKey")),
                     .session_token = Secret(xml_text(found, "SessionToken")),
                     .source = request.role,
                     .expires = aws_time(xml_text(found, "Expiration"))};
}

Result<std::string> decode_authorization_message(const AwsClient& client,
                                                 const std::string& encoded, const Wait& wait) {
  const auto document = TRY(sts_call(client, "DecodeAuthorizationMessage",
                                     Params().add("EncodedMessage", encoded), wait));
  return xml_text(document.document_element(), "DecodeAuthorizationMessageResult/DecodedMessage");
}

}  // namespace carrel
