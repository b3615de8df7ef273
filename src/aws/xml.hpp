// AWS's XML, read with care. Private to aws/: pugixml.hpp is heavy. Documents nested deeper than
// `xml_depth` are refused; pugixml resolves no entities but the five of XML and reads no DTD.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

inline constexpr int xml_depth = 32;

// Reason::corrupt when it is not well-formed, too deep, or its root is not `root`.
Result<pugi::xml_document> parse_xml(std::string_view text, const char* root);

// Of the first element on a path like "placement/availabilityZone"; "" when it is missing.
std::string xml_text(const pugi::xml_node& node, const char* path);
std::optional<std::int64_t> xml_number(const pugi::xml_node& node, const char* path);
bool xml_true(const pugi::xml_node& node, const char* path);
// The <item>s (ec2) of an element.
std::vector<pugi::xml_node> xml_items(const pugi::xml_node& node, const char* path);
std::vector<std::string> xml_texts(const pugi::xml_node& node, const char* path);

}  // namespace carrel
