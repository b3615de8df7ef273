#include "aws/xml.hpp"

#include "base/error.hpp"
#include "base/number.hpp"

#include <cstdint>
#include <exception>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

class TooDeep final : public pugi::xml_tree_walker {
 public:
  bool for_each(pugi::xml_node& /*node*/) override { return depth() <= xml_depth; }
};

Error corrupt(std::string why) {
  return {.what = "AWS's answer cannot be read",
          .why = std::move(why),
          .hint = {},
          .exit = Exit::failed,
          .reason = Reason::corrupt,
          .trace = {}};
}

}  // namespace

Result<pugi::xml_document> parse_xml(std::string_view text, const char* root) {
  try {
    pugi::xml_document document;
    const auto parsed =
        document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
    if (!parsed) return fail(corrupt(fmt::format("its XML is broken: {}", parsed.description())));
    TooDeep walker;
    if (!document.traverse(walker)) return fail(corrupt("its XML is nested too deep"));
    if (std::string_view(document.document_element().name()) != root) {
      return fail(corrupt(fmt::format("it has no <{}>", root)));
    }
    return document;
  } catch (const std::exception& error) {  // allocation
    return fail(corrupt(error.what()));
  }
}

std::string xml_text(const pugi::xml_node& node, const char* path) {
  return node.first_element_by_path(path).text().get();
}

std::optional<std::int64_t> xml_number(const pugi::xml_node& node, const char* path) {
  return number_of<std::int64_t>(xml_text(node, path));
}

bool xml_true(const pugi::xml_node& node, const char* path) {
  return xml_text(node, path) == "true";
}

std::vector<pugi::xml_node> xml_items(const pugi::xml_node& node, const char* path) {
  std::vector<pugi::xml_node> items;
  for (const auto& item : node.first_element_by_path(path).children("item")) items.push_back(item);
  return items;
}

std::vector<std::string> xml_texts(const pugi::xml_node& node, const char* path) {
  std::vector<std::string> texts;
  for (const auto& item : xml_items(node, path)) texts.emplace_back(item.text().get());
  return texts;
}

}  // namespace carrel
