// From iopub messages to nbformat 4 outputs (nbformat 4.5 schema, "output"). Pure. Private to
// jupyter/.
#pragma once

#include "jupyter/client.hpp"
#include "jupyter/json_text.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace carrel {

// None for messages that are no outputs. What is missing or of another type becomes its empty form,
// so that a document with this output is valid. `transient` of display_data is kept for the caller,
// who must not save it.
std::optional<std::string> output_json(std::string_view message_type, const Json& content);

// The content of an execute_reply.
ExecuteResult execute_result(const Json& content);

}  // namespace carrel
