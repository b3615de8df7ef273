#include "aws/ec2_call.hpp"

#include "aws/client.hpp"
#include "aws/params.hpp"
#include "aws/service.hpp"
#include "aws/xml.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <functional>
#include <pugixml.hpp>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr int most_pages = 1000;

}  // namespace

Result<pugi::xml_document> ec2_call(const AwsClient& client, const std::string& action,
                                    const Params& params, const Wait& wait) {
  const std::string body = TRY(client.call(ec2_service, action, params, wait));
  auto document = parse_xml(body, (action + "Response").c_str());
  if (!document) return fail(document.error().while_doing("asking AWS for ec2:" + action));
  return document;
}

Result<> ec2_pages(const AwsClient& client, const std::string& action, const Params& params,
                   const Wait& wait, const std::function<void(const pugi::xml_node&)>& on_page) {
  std::string next;
  for (int page = 0; page < most_pages; ++page) {
    Params all = params;
    all.add("NextToken", next);
    const pugi::xml_document document = TRY(ec2_call(client, action, all, wait));
    on_page(document.document_element());
    next = xml_text(document.document_element(), "nextToken");
    if (next.empty()) return {};
  }
  return fail({.what = fmt::format("AWS's answer to ec2:{} does not end", action),
               .why = fmt::format("it has over {} pages", most_pages),
               .hint = {},
               .exit = Exit::failed,
               .reason = Reason::corrupt,
               .trace = {}});
}

Result<> ec2_do(const AwsClient& client, const std::string& action, const Params& params,
                const Wait& wait) {
  TRY(ec2_call(client, action, params, wait));
  return {};
}

std::vector<Tag> read_tags(const pugi::xml_node& node) {
  std::vector<Tag> tags;
  for (const auto& item : xml_items(node, "tagSet")) {
    tags.push_back({xml_text(item, "key"), xml_text(item, "value")});
  }
  return tags;
}

Result<> dry_run_outcome(const Result<pugi::xml_document>& answer) {
  if (answer || answer.error().code == "DryRunOperation") return {};
  return fail(answer.error());
}

}  // namespace carrel
