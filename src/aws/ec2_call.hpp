// A call to EC2 with its XML, whole or page by page. Private to aws/.
#pragma once

#include "aws/client.hpp"
#include "aws/params.hpp"
#include "aws/xml.hpp"
#include "base/error.hpp"
#include "os/wait.hpp"

#include <functional>
#include <pugixml.hpp>
#include <string>
#include <vector>

namespace carrel {

Result<pugi::xml_document> ec2_call(const AwsClient& client, const std::string& action,
                                    const Params& params, const Wait& wait);
// Each page's root element, until there is no next one.
Result<> ec2_pages(const AwsClient& client, const std::string& action, const Params& params,
                   const Wait& wait, const std::function<void(const pugi::xml_node&)>& on_page);
// A call of which nothing but its success matters.
Result<> ec2_do(const AwsClient& client, const std::string& action, const Params& params,
                const Wait& wait);

std::vector<Tag> read_tags(const pugi::xml_node& node);  // of its <tagSet>

// The error of a dry run that would have succeeded is none.
Result<> dry_run_outcome(const Result<pugi::xml_document>& answer);

}  // namespace carrel
