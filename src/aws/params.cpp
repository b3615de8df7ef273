#include "aws/params.hpp"

#include "aws/sign.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {

Params& Params::add(std::string name, std::string value) {
  if (!value.empty()) all_.emplace_back(std::move(name), std::move(value));
  return *this;
}

Params& Params::flag(std::string name, bool value) {
  return add(std::move(name), std::string(value ? "true" : "false"));
}

Params& Params::number(std::string name, std::int64_t value) {
  return add(std::move(name), std::to_string(value));
}

Params& Params::list(std::string_view name, const std::vector<std::string>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) add(fmt::format("{}.{}", name, i + 1), values[i]);
  return *this;
}

Params& Params::filters(const std::vector<Filter>& filters) {
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const std::string prefix = fmt::format("Filter.{}", i + 1);
    add(prefix + ".Name", filters[i].name);
    list(prefix + ".Value", filters[i].values);
  }
  return *this;
}

Params& Params::tags(std::string_view name, const std::vector<Tag>& tags) {
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::string prefix = fmt::format("{}.{}", name, i + 1);
    all_.emplace_back(prefix + ".Key", tags[i].key);
    all_.emplace_back(prefix + ".Value", tags[i].value);
  }
  return *this;
}

std::string Params::value(std::string_view name) const {
  const auto found = std::ranges::find(all_, name, &std::pair<std::string, std::string>::first);
  return found == all_.end() ? std::string() : found->second;
}

std::string Params::form() const {
  std::string form;
  for (const auto& [name, value] : all_) {
    if (!form.empty()) form += '&';
    std::string encoded = percent_encoded(value, " ");
    std::ranges::replace(encoded, ' ', '+');
    form += percent_encoded(name) + '=' + encoded;
  }
  return form;
}

}  // namespace carrel
