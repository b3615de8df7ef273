#include "jupyter/password.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "os/random.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <argon2.h>
#include <fmt/core.h>

namespace carrel {
namespace {

// jupyter_server.auth.security.passwd; lengths as argon2-cffi has them by default.
constexpr std::uint32_t time_cost = 10;
constexpr std::uint32_t memory_cost = 10240;  // KiB
constexpr std::uint32_t parallelism = 8;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;

// Of a hash that is given: what RFC 9106 recommends at most (2 GiB), and more passes and lanes than
// anybody uses. Beyond that, every attempt to sign in would be a burden on the machine.
constexpr std::uint32_t most_time = 100;
constexpr std::uint32_t most_memory = 2U << 20;
constexpr std::uint32_t most_lanes = 255;

constexpr std::string_view prefix = "argon2:";

std::unexpected<Error> refused(std::string what, std::string why) {
  return fail({.what = std::move(what),
               .why = std::move(why),
               .hint = "carrel password   makes a hash from a password",
               .exit = Exit::usage});
}

std::unexpected<Error> damaged(std::string why) {
  return refused("the password hash is not whole", std::move(why));
}

std::optional<std::string_view> after(std::string_view text, std::string_view start) {
  if (!text.starts_with(start)) return {};
  return text.substr(start.size());
}

// Takes `name=NUMBER` off the front.
std::optional<std::uint32_t> take_number(std::string_view& text, std::string_view name) {
  const auto digits = after(text, name);
  if (!digits || digits->empty() || digits->front() == '0') return {};
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits->begin(), digits->end(), value);
  if (error != std::errc{}) return {};
  text = std::string_view(end, digits->end());
  return value;
}

// Base64 without padding, as libargon2 reads it: the bits that are left over must be zero.
std::optional<std::size_t> base64_bytes(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.find_first_not_of(alphabet) != std::string_view::npos) return {};
  const auto left_over = text.size() * 6 % 8;
  if (left_over >= 6) return {};
  if (!text.empty() && alphabet.find(text.back()) % (1U << left_over) != 0) return {};
  return text.size() * 6 / 8;
}

Result<> check_argon2(std::string_view phc) {
  std::optional<std::string_view> rest;
  for (const std::string_view type : {"$argon2id$", "$argon2i$", "$argon2d$"}) {
    if (!rest) rest = after(phc, type);
  }
  if (!rest) return damaged("after \"argon2:\" it does not go on with $argon2id$");
  if (const auto version = take_number(*rest, "v="); version) {
    if ((*version != 16 && *version != 19) || !rest->starts_with('$')) {
      return damaged("its version is not 19");
    }
    rest->remove_prefix(1);
  }
  const auto memory = take_number(*rest, "m=");
  const auto time = take_number(*rest, ",t=");
  const auto lanes = take_number(*rest, ",p=");
  if (!memory || !time || !lanes || !rest->starts_with('$')) {
    return damaged("its parameters are not of the form m=10240,t=10,p=8");
  }
  if (*memory < 8 * *lanes || *memory > most_memory || *time > most_time || *lanes > most_lanes) {
    return damaged(
        fmt::format("its parameters m={},t={},p={} are out of range", *memory, *time, *lanes));
  }
  const auto parts = split(rest->substr(1), '$');
  const auto salt = parts.size() == 2 ? base64_bytes(parts[0]) : std::nullopt;
  const auto hash = parts.size() == 2 ? base64_bytes(parts[1]) : std::nullopt;
  if (!salt || *salt < 8 || *salt > 64 || !hash || *hash < 12 || *hash > 128) {
    return damaged("its end, salt and hash in base64, is cut off or altered");
  }
  return {};
}

struct Digest {
  std::string_view name;  // as hashlib calls it
  std::size_t digits;
};

constexpr auto digests = std::to_array<Digest>({{"md5", 32},
                                                {"md5-sha1", 72},
                                                {"ripemd160", 40},
                                                {"sm3", 64},
                                                {"sha1", 40},
                                                {"sha224", 56},
                                                {"sha256", 64},
                                                {"sha384", 96},
                                                {"sha512", 128},
                                                {"sha512_224", 56},
                                                {"sha512_256", 64},
                                                {"sha3_224", 56},
                                                {"sha3_256", 64},
                                                {"sha3_384", 96},
                                                {"sha3_512", 128},
                                                {"blake2b", 128},
                                                {"blake2s", 64}});

Result<> check_legacy(const Digest& digest, std::string_view salt, std::string_view hex_digits) {
  const auto is_visible = [](char c) { return c > ' ' && c < '\x7f'; };
  if (salt.empty() || salt.size() > 128 || !std::ranges::all_of(salt, is_visible)) {
    return damaged("its salt, between the colons, is missing or altered");
  }
  if (hex_digits.size() != digest.digits ||
      hex_digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return damaged(fmt::format("after the second colon {} has {} digits from 0 to f", digest.name,
                               digest.digits));
  }
  return {};
}

// Jupyter's sign-in page (tornado's get_argument) strips white space at both ends and replaces
// control characters.
Result<> check_can_be_typed(std::string_view password) {
  const auto unusable = [](std::string why) {
    return fail({.what = "this password could not be used to sign in",
                 .why = std::move(why),
                 .hint = "choose another one",
                 .exit = Exit::usage});
  };
  if (password.empty()) return unusable("it is empty");
  if (trimmed(password).size() != password.size()) {
    return unusable("it begins or ends with white space, which Jupyter's sign-in page removes");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(password, is_control)) {
    return unusable("it contains a line break or another control character");
  }
  return {};
}

}  // namespace

Result<Secret> hash_password(const Secret& password, Random& random) {
  const auto& text = password.reveal();
  TRY(check_can_be_typed(text));
  const auto salt = random.bytes(salt_bytes);
  std::string encoded(
      argon2_encodedlen(time_cost, memory_cost, parallelism, salt_bytes, hash_bytes, Argon2_id),
      '\0');
  const int error =
      argon2id_hash_encoded(time_cost, memory_cost, parallelism, text.data(), text.size(),
                            salt.data(), salt.size(), hash_bytes, encoded.data(), encoded.size());
  if (error != ARGON2_OK) {
    return fail({.what = "the password could not be hashed", .why = argon2_error_message(error)});
  }
  encoded.resize(encoded.find('\0'));
  return Secret(std::string(prefix) + encoded);
}

Result<> check_password_hash(std::string_view hash) {
  if (const auto phc = after(hash, prefix)) return check_argon2(*phc);
  if (hash.empty()) return refused("the password hash is empty", "");
  if (hash.starts_with("$argon2")) {
    return refused("the password hash is not in Jupyter's form",
                   "\"argon2:\" is missing before it");
  }
  const auto colon = hash.find(':');
  const auto* const digest = colon == std::string_view::npos
                                 ? digests.end()
                                 : std::ranges::find(digests, hash.substr(0, colon), &Digest::name);
  if (digest == digests.end()) {
    return refused("this is no password hash; it looks like a password itself",
                   "a hash begins with \"argon2:\", or is an older algorithm:salt:digest");
  }
  const auto rest = hash.substr(colon + 1);
  const auto second = rest.find(':');
  if (second == std::string_view::npos) return damaged("it has one colon, not two");
  return check_legacy(*digest, rest.substr(0, second), rest.substr(second + 1));
}

bool verify_password(std::string_view hash, const Secret& password) {
  const auto phc = after(hash, prefix);
  if (!phc || !check_argon2(*phc)) return false;
  const auto type = phc->starts_with("$argon2id")   ? Argon2_id
                    : phc->starts_with("$argon2i$") ? Argon2_i
                                                    : Argon2_d;
  const auto& text = password.reveal();
  return argon2_verify(std::string(*phc).c_str(), text.data(), text.size(), type) == ARGON2_OK;
}

}  // namespace carrel
