#include "notebook/format.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel::notebook {
namespace {

using nlohmann::json;

// The line end that starts at `at`, by the rules of Python's str.splitlines; 0 if there is none.
std::size_t line_end_length(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  switch (rest[0]) {
    case '\r':
      return rest.starts_with("\r\n") ? 2 : 1;
    case '\n':
    case '\v':
    case '\f':
    case '\x1c':
    case '\x1d':
    case '\x1e':
      return 1;
    case '\xc2':
      return rest.starts_with("\xc2\x85") ? 2 : 0;  // U+0085
    case '\xe2':                                    // U+2028, U+2029
      return rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9") ? 3 : 0;
    default:
      return 0;
  }
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = line_end_length(text, at);
    at += length == 0 ? 1 : length;
    if (length == 0) continue;
    lines.push_back(text.substr(begin, at - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

// As Python's repr(float): the shortest digits that read back the same, 1e-05, 1e+16, 3.0.
std::string float_text(double value) {
  std::array<char, 40> buffer{};
  const auto size =
      std::abs(value) == 0 || (std::abs(value) >= 1e-4 && std::abs(value) < 1e16)
          ? std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::fixed)
          : std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific);
  std::string text(buffer.begin(), size.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

bool is_text_type(std::string_view mime) {
  return mime.starts_with("text/") || mime == "application/javascript" || mime == "image/svg+xml";
}

class Writer {
 public:
  void notebook(const json& value) {
    object(value, [this](const std::string& key, const json& member) {
      if (key == "cells") {
        list(member, [this](const json& each) { cell(each); });
      } else {
        any(member);
      }
    });
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  void cell(const json& value) {
    const bool code = value.at("cell_type") == "code";
    object(value, [this, code](const std::string& key, const json& member) {
      if (key == "source") {
        lines(member);
      } else if (key == "attachments") {
        object(member, [this](const std::string&, const json& each) { bundle(each); });
      } else if (key == "outputs" && code) {
        list(member, [this](const json& each) { output(each); });
      } else {
        any(member);
      }
    });
  }

  void output(const json& value) {
    const auto& type = value.at("output_type");
    object(value, [this, &type](const std::string& key, const json& member) {
      if (key == "data" && (type == "execute_result" || type == "display_data")) {
        bundle(member);
      } else if (key == "text" && type == "stream") {
        lines(member);
      } else {
        any(member);
      }
    });
  }

  void bundle(const json& value) {
    object(value, [this](const std::string& mime, const json& member) {
      if (is_text_type(mime)) {
        lines(member);
      } else {
        any(member);
      }
    });
  }

  void lines(const json& value) {
    if (!value.is_string()) return any(value);
    list(split_lines(value.get_ref<const std::string&>()),
         [this](std::string_view line) { string(line); });
  }

  void any(const json& value) {
    switch (value.type()) {
      case json::value_t::object:
        return object(value, [this](const std::string&, const json& member) { any(member); });
      case json::value_t::array:
        return list(value, [this](const json& element) { any(element); });
      case json::value_t::string:
        return string(value.get_ref<const std::string&>());
      case json::value_t::boolean:
        text_ += value.get<bool>() ? "true" : "false";
        return;
      case json::value_t::number_integer:
        fmt::format_to(std::back_inserter(text_), "{}", value.get<std::int64_t>());
        return;
      case json::value_t::number_unsigned:
        fmt::format_to(std::back_inserter(text_), "{}", value.get<std::uint64_t>());
        return;
      case json::value_t::number_float:
        text_ += float_text(value.get<double>());
        return;
      case json::value_t::binary:
        text_.append(value.get_binary().begin(), value.get_binary().end());
        return;
      case json::value_t::null:
      case json::value_t::discarded:
        text_ += "null";
        return;
    }
  }

  template <class Elements, class Each>
  void list(const Elements& elements, const Each& each) {
    if (elements.empty()) {
      text_ += "[]";
      return;
    }
    text_ += '[';
    ++depth_;
    bool first = true;
    for (const auto& element : elements) {
      next_line(first);
      each(element);
    }
    --depth_;
    next_line(first = true);
    text_ += ']';
  }

  template <class Each>
  void object(const json& value, const Each& each) {
    if (value.empty()) {
      text_ += "{}";
      return;
    }
    text_ += '{';
    ++depth_;
    bool first = true;
    for (const auto& [key, member] : value.get_ref<const json::object_t&>()) {
      next_line(first);
      string(key);
      text_ += ": ";
      each(key, member);
    }
    --depth_;
    next_line(first = true);
    text_ += '}';
  }

  void next_line(bool& first) {
    if (!first) text_ += ',';
    first = false;
    text_ += '\n';
    text_.append(depth_, ' ');
  }

  void string(std::string_view value) {
    text_ += '"';
    for (const char c : value) {
      switch (c) {
        case '"':
          text_ += "\\\"";
          break;
        case '\\':
          text_ += "\\\\";
          break;
        case '\n':
          text_ += "\\n";
          break;
        case '\r':
          text_ += "\\r";
          break;
        case '\t':
          text_ += "\\t";
          break;
        case '\f':
          text_ += "\\f";
          break;
        case '\b':
          text_ += "\\b";
          break;
        default:
          if (static_cast<unsigned char>(c) < 0x20) {
            fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
          } else {
            text_ += c;
          }
      }
    }
    text_ += '"';
  }

  std::string text_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string write_notebook(const json& notebook) {
  Writer writer;
  writer.notebook(notebook);
  return writer.take();
}

}  // namespace carrel::notebook
