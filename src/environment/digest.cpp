#include "environment/digest.hpp"

#include "base/text.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/sha.h>

namespace carrel {

std::string digest_of(const std::vector<std::string_view>& parts) {
  std::string all;
  for (const auto part : parts) {
    all += std::to_string(part.size());
    all += ':';
    all += part;
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> bytes{};
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), bytes.data());
  return hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace carrel
