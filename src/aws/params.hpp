// The arguments of an action in the query and ec2 protocols: flat names ("Filter.1.Value.2") and a
// form as the body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

struct Filter {
  std::string name;
  std::vector<std::string> values;
};

struct Tag {
  std::string key;
  std::string value;
  auto operator<=>(const Tag&) const = default;
};

class Params {
 public:
  // What is empty is left out.
  Params& add(std::string name, std::string value);
  Params& flag(std::string name, bool value);
  Params& number(std::string name, std::int64_t value);
  Params& list(std::string_view name, const std::vector<std::string>& values);  // NAME.1, NAME.2
  Params& filters(const std::vector<Filter>& filters);
  Params& tags(std::string_view name, const std::vector<Tag>& tags);  // NAME.1.Key, NAME.1.Value

  std::string value(std::string_view name) const;  // "" when absent
  std::string form() const;                        // application/x-www-form-urlencoded

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

}  // namespace carrel
