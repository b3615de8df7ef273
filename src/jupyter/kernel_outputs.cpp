#include "jupyter/kernel_outputs.hpp"

#include "jupyter/client.hpp"
#include "jupyter/json_text.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace carrel {
namespace {

std::vector<std::string> texts_of(const Json& object, std::string_view name) {
  std::vector<std::string> texts;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return texts;
  for (const Json& text : *found) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

Json object_or_empty(const Json& content, std::string_view name) {
  const Json* object = object_member(content, name);
  return object == nullptr ? Json::object() : *object;
}

}  // namespace

std::optional<std::string> output_json(std::string_view message_type, const Json& content) {
  Json output = {{"output_type", message_type}};
  if (message_type == "stream") {
    output["name"] = text_member(content, "name") == "stderr" ? "stderr" : "stdout";
    output["text"] = text_member(content, "text");
  } else if (message_type == "display_data" || message_type == "execute_result") {
    if (message_type == "execute_result") {
      const auto count = number_member(content, "execution_count");
      output["execution_count"] = count ? Json(*count) : Json();
    }
    output["data"] = object_or_empty(content, "data");
    output["metadata"] = object_or_empty(content, "metadata");
    if (const Json* transient = object_member(content, "transient");
        transient != nullptr && !transient->empty()) {
      output["transient"] = *transient;
    }
  } else if (message_type == "error") {
    output["ename"] = text_member(content, "ename");
    output["evalue"] = text_member(content, "evalue");
    output["traceback"] = texts_of(content, "traceback");
  } else {
    return std::nullopt;
  }
  return json_text(output);
}

ExecuteResult execute_result(const Json& content) {
  ExecuteResult result;
  result.status = text_member(content, "status");
  result.execution_count = number_member(content, "execution_count");
  if (result.status == "error") {
    result.error_name = text_member(content, "ename");
    result.error_value = text_member(content, "evalue");
    result.traceback = texts_of(content, "traceback");
  }
  return result;
}

}  // namespace carrel
