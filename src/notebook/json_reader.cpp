#include "base/error.hpp"
#include "base/text.hpp"
#include "notebook/format.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace carrel::notebook {
namespace {

using nlohmann::json;

// nlohmann's own tree builder has no limit of depth and turns large integers into doubles.
class TreeBuilder final : public nlohmann::json_sax<json> {
 public:
  explicit TreeBuilder(std::size_t nesting) : nesting_(nesting) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string& digits) override {
    if (digits.find_first_of(".eE") != std::string::npos) return add(value);
    return add(json::binary(json::binary_t::container_type(digits.begin(), digits.end())));
  }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(json::binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*count*/) override { return open(json::object()); }
  bool start_array(std::size_t /*count*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& value) override {
    key_ = std::move(value);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*last*/,
                   const json::exception& exception) override {
    position_ = position;
    const std::string_view words = exception.what();
    const auto end_of_code = words.find("] ");
    why_ = end_of_code == std::string_view::npos ? words : words.substr(end_of_code + 2);
    return false;
  }

  bool too_deep() const { return too_deep_; }
  std::size_t position() const { return position_; }
  const std::string& why() const { return why_; }
  json take() { return std::move(root_); }

 private:
  json* place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    auto& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    auto& member = parent[key_];
    member = std::move(value);
    return &member;
  }
  bool add(json value) {
    place(std::move(value));
    return true;
  }
  bool open(json container) {
    if (open_.size() == nesting_) {
      too_deep_ = true;
      return false;
    }
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::size_t nesting_;
  json root_;
  std::vector<json*> open_;  // a container does not move while something inside it is open
  std::string key_;
  bool too_deep_ = false;
  std::size_t position_ = 0;
  std::string why_;
};

}  // namespace

Result<json> read_json(std::string_view text, std::string_view what, std::size_t nesting) {
  if (text.size() > most_bytes) {
    return fail({.what = fmt::format("{} is larger than {}", what, size_text(most_bytes)),
                 .why = size_text(text.size()),
                 .hint = "clear its outputs in JupyterLab and save it",
                 .reason = Reason::corrupt});
  }
  TreeBuilder builder(nesting);
  if (json::sax_parse(text, &builder)) return builder.take();
  if (builder.too_deep()) {
    return fail({.what = fmt::format("{} is nested more than {} levels deep", what, nesting),
                 .reason = Reason::corrupt});
  }
  return fail({.what = fmt::format("{} is no valid JSON at byte {}", what, builder.position()),
               .why = printable(std::string_view(builder.why()).substr(0, 300)),
               .reason = Reason::corrupt});
}

}  // namespace carrel::notebook
