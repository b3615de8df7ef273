#include "jupyter/certificate.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "jupyter/host_name.hpp"
#include "os/clock.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace carrel {
namespace {

template <auto Free>
struct FreedBy {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, FreedBy<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, FreedBy<BN_free>>;
using GeneralName = std::unique_ptr<GENERAL_NAME, FreedBy<GENERAL_NAME_free>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, FreedBy<GENERAL_NAMES_free>>;

constexpr auto validity = std::chrono::days(397);
constexpr auto clock_difference = std::chrono::days(1);
constexpr auto renewed_before = std::chrono::days(30);
constexpr std::size_t most_pem_bytes = std::size_t{256} << 10;
constexpr std::size_t most_common_name = 64;  // RFC 5280, ub-common-name

std::string openssl_words() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* words = code == 0 ? nullptr : ERR_reason_error_string(code);
  return words ? words : "";
}

std::unexpected<Error> not_made(std::string_view step) {
  return fail(
      {.what = fmt::format("the certificate could not be made: {}", step), .why = openssl_words()});
}

// An address is its bytes, a name its text (RFC 5280, 4.2.1.6).
GeneralName general_name(const std::string& name) {
  const auto address = address_bytes(name);
  const auto& bytes = address ? *address : name;
  GeneralName general(GENERAL_NAME_new());
  auto* const value = ASN1_STRING_type_new(address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
  if (!general || !value ||
      ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size())) != 1) {
    ASN1_STRING_free(value);
    return nullptr;
  }
  GENERAL_NAME_set0_value(general.get(), address ? GEN_IPADD : GEN_DNS, value);
  return general;
}

bool add_names(X509* certificate, const std::vector<std::string>& names) {
  const GeneralNames list(sk_GENERAL_NAME_new_null());
  for (const auto& name : names) {
    auto* const general = list ? general_name(name).release() : nullptr;
    if (!general || sk_GENERAL_NAME_push(list.get(), general) <= 0) {
      GENERAL_NAME_free(general);
      return false;
    }
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

bool add_extension(X509* certificate, int identifier, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, identifier, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  const Number number(BN_new());  // 158 random bits: more than 64, at most 20 bytes, not negative
  return number && BN_rand(number.get(), 158, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

bool set_subject(X509* certificate, const std::string& first_name) {
  const auto& name = first_name.size() <= most_common_name ? first_name : "carrel";
  auto* const subject = X509_get_subject_name(certificate);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(name.data());
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, bytes,
                                    static_cast<int>(name.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

bool set_times(X509* certificate, WallTime now) {
  const auto begin = now - clock_difference;
  return ASN1_TIME_set(X509_getm_notBefore(certificate), WallTime::clock::to_time_t(begin)) &&
         ASN1_TIME_set(X509_getm_notAfter(certificate),
                       WallTime::clock::to_time_t(begin + validity));
}

std::optional<std::string> contents(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  if (size <= 0) return {};
  return std::string(data, static_cast<std::size_t>(size));
}

// Without one, OpenSSL asks for a password on the terminal when the PEM is encrypted.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

std::string fingerprint(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return "";
  return fmt::format("{:02X}", fmt::join(digest.begin(), digest.begin() + size, ":"));
}

// To the year 2200 at most: what a hostile certificate says later does not fit into WallTime.
std::optional<WallTime> wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  using std::chrono::year, std::chrono::sys_days;
  const auto day = year(std::clamp(parts.tm_year + 1900, 1700, 2200)) /
                   std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)) /
                   std::chrono::day(static_cast<unsigned>(parts.tm_mday));
  return sys_days(day) + std::chrono::hours(parts.tm_hour) + std::chrono::minutes(parts.tm_min) +
         std::chrono::seconds(parts.tm_sec);
}

std::vector<std::string> names_of(const X509* certificate) {
  const GeneralNames list(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> names;
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    int type = 0;
    const auto* const value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list.get(), i), &type));
    if (type != GEN_DNS && type != GEN_IPADD) continue;
    const std::string bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                            static_cast<std::size_t>(ASN1_STRING_length(value)));
    const auto name = type == GEN_DNS ? bytes : address_text(bytes);
    if (is_address(name) == (type == GEN_IPADD) && canonical_name(name)) names.push_back(name);
  }
  ERR_clear_error();
  return names;
}

}  // namespace

Result<Certificate> make_certificate(const std::vector<std::string>& names, WallTime now) {
  if (names.empty()) return usage_error("a certificate needs at least one name");
  std::vector<std::string> canonical;
  for (const auto& name : names) {
    const auto form = canonical_name(name);
    if (!form)
      return usage_error(fmt::format("\"{}\" is neither a host name nor an address", name));
    if (std::ranges::find(canonical, *form) == canonical.end()) canonical.push_back(*form);
  }
  ERR_clear_error();
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return not_made("no key");
  const X509Ptr certificate(X509_new());
  auto* const made = certificate.get();
  if (!made || X509_set_version(made, X509_VERSION_3) != 1 || !set_serial(made) ||
      !set_subject(made, canonical.front()) || !set_times(made, now) ||
      X509_set_pubkey(made, key.get()) != 1) {
    return not_made("its fields");
  }
  if (!add_extension(made, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(made, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(made, NID_ext_key_usage, "serverAuth") ||
      !add_extension(made, NID_subject_key_identifier, "hash") || !add_names(made, canonical)) {
    return not_made("its extensions");
  }
  if (X509_sign(made, key.get(), EVP_sha256()) <= 0) return not_made("its signature");
  const Bio certificate_pem(BIO_new(BIO_s_mem()));
  const Bio key_pem(BIO_new(BIO_s_secmem()));
  if (!certificate_pem || !key_pem || PEM_write_bio_X509(certificate_pem.get(), made) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1) {
    return not_made("its text");
  }
  auto certificate_text = contents(certificate_pem.get());
  auto key_text = contents(key_pem.get());
  if (!certificate_text || !key_text) return not_made("its text");
  return Certificate{.certificate_pem = std::move(*certificate_text),
                     .key_pem = Secret(std::move(*key_text))};
}

Result<CertificateFacts> read_certificate(std::string_view certificate_pem) {
  const auto unreadable = [](std::string why) {
    return fail({.what = "the certificate cannot be read",
                 .why = std::move(why),
                 .reason = Reason::corrupt});
  };
  if (certificate_pem.size() > most_pem_bytes) return unreadable("it is too large");
  ERR_clear_error();
  const Bio bio(BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  if (!bio) return unreadable(openssl_words());
  const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
  if (!certificate) return unreadable(openssl_words());
  const auto not_after = wall_time(X509_get0_notAfter(certificate.get()));
  if (!not_after) return unreadable("its end of validity is malformed");
  return CertificateFacts{.fingerprint = fingerprint(certificate.get()),
                          .not_after = *not_after,
                          .names = names_of(certificate.get())};
}

bool needs_renewal(const CertificateFacts& facts, const std::vector<std::string>& names,
                   WallTime now) {
  if (facts.not_after - now < renewed_before) return true;
  return !std::ranges::all_of(names, [&](const std::string& name) {
    return std::ranges::any_of(facts.names, [&](const std::string& covered) {
      return canonical_name(name) && canonical_name(name) == canonical_name(covered);
    });
  });
}

}  // namespace carrel
