#include "jupyter/certificate.hpp"

#include "base/error.hpp"
#include "os/clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace carrel {
namespace {

using std::chrono::days;

const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) +
                     std::chrono::hours(11) + std::chrono::seconds(7);
const std::vector<std::string> names = {"desk", "localhost", "127.0.0.1", "::1", "192.168.1.20"};

template <auto Free>
struct FreedBy {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, FreedBy<X509_free>>;
using Store = std::unique_ptr<X509_STORE, FreedBy<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, FreedBy<X509_STORE_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, FreedBy<BN_free>>;

Certificate made(const std::vector<std::string>& for_names = names) {
  auto certificate = make_certificate(for_names, now);
  EXPECT_TRUE(certificate) << certificate.error().what << " " << certificate.error().why;
  return certificate.value_or(Certificate{});
}

X509Ptr x509(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

CertificateFacts facts_of(const Certificate& certificate) {
  const auto facts = read_certificate(certificate.certificate_pem);
  EXPECT_TRUE(facts);
  return facts.value_or(CertificateFacts{});
}

// What a browser does with a certificate that the person has trusted: X509_V_OK or the error.
int verified(X509* certificate, WallTime at) {
  const Store store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), certificate);
  const StoreContext context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr);
  auto* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_time(parameters, WallTime::clock::to_time_t(at));
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

TEST(certificate, is_p256_with_sha256_and_its_own_key) {
  const auto certificate = made();
  const auto parsed = x509(certificate.certificate_pem);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(X509_get_version(parsed.get()), X509_VERSION_3);
  EXPECT_EQ(X509_get_signature_nid(parsed.get()), NID_ecdsa_with_SHA256);
  const auto& key_pem = certificate.key_pem.reveal();
  EXPECT_TRUE(key_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const Bio bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  ASSERT_TRUE(key);
  std::string group(32, '\0');
  std::size_t size = 0;
  ASSERT_EQ(EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &size), 1);
  EXPECT_EQ(group.substr(0, size), "prime256v1");
  EXPECT_EQ(X509_check_private_key(parsed.get(), key.get()), 1);
  EXPECT_EQ(X509_verify(parsed.get(), key.get()), 1);
  EXPECT_EQ(certificate.certificate_pem.find("PRIVATE"), std::string::npos);
}

TEST(certificate, stands_strict_verification_as_a_trusted_leaf_for_its_time_alone) {
  const auto parsed = x509(made().certificate_pem);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(verified(parsed.get(), now), X509_V_OK);
  EXPECT_EQ(verified(parsed.get(), now - days(1) + std::chrono::seconds(1)), X509_V_OK);
  EXPECT_EQ(verified(parsed.get(), now - days(1) - std::chrono::seconds(1)),
            X509_V_ERR_CERT_NOT_YET_VALID);
  EXPECT_EQ(verified(parsed.get(), now + days(396) - std::chrono::seconds(1)), X509_V_OK);
  EXPECT_EQ(verified(parsed.get(), now + days(396) + std::chrono::seconds(1)),
            X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST(certificate, is_for_servers_and_signs_no_other) {
  const auto parsed = x509(made().certificate_pem);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(X509_check_ca(parsed.get()), 0);
  EXPECT_EQ(X509_get_key_usage(parsed.get()), static_cast<unsigned>(KU_DIGITAL_SIGNATURE));
  EXPECT_EQ(X509_get_extended_key_usage(parsed.get()), static_cast<unsigned>(XKU_SSL_SERVER));
  for (const int critical : {NID_basic_constraints, NID_key_usage}) {
    const int at = X509_get_ext_by_NID(parsed.get(), critical, -1);
    ASSERT_GE(at, 0);
    EXPECT_EQ(X509_EXTENSION_get_critical(X509_get_ext(parsed.get(), at)), 1);
  }
}

TEST(certificate, covers_its_names_and_addresses_as_such) {
  const auto parsed = x509(made({"Desk.Example.org", "10.0.0.7", "2001:DB8::7"}).certificate_pem);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(X509_check_host(parsed.get(), "desk.example.org", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(parsed.get(), "other.example.org", 0, 0, nullptr), 0);
  EXPECT_EQ(
      X509_check_host(parsed.get(), "10.0.0.7", 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr),
      0);
  EXPECT_EQ(X509_check_ip_asc(parsed.get(), "10.0.0.7", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(parsed.get(), "10.0.0.8", 0), 0);
  EXPECT_EQ(X509_check_ip_asc(parsed.get(), "2001:db8:0::7", 0), 1);
}

TEST(certificate, has_a_serial_of_its_own_that_is_positive_and_long) {
  std::vector<std::string> serials;
  for (int i = 0; i < 8; ++i) {
    const auto parsed = x509(made().certificate_pem);
    ASSERT_TRUE(parsed);
    const Number number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(parsed.get()), nullptr));
    EXPECT_EQ(BN_is_negative(number.get()), 0);
    EXPECT_EQ(BN_num_bits(number.get()), 158);
    std::string bytes(20, '\0');
    BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(bytes.data()));
    serials.push_back(bytes);
  }
  std::ranges::sort(serials);
  EXPECT_EQ(std::ranges::adjacent_find(serials), serials.end());
}

TEST(certificate, facts_are_read_back) {
  const auto certificate = made({"desk", "127.0.0.1", "0:0::1", "desk"});
  const auto facts = facts_of(certificate);
  EXPECT_EQ(facts.names, (std::vector<std::string>{"desk", "127.0.0.1", "::1"}));
  EXPECT_EQ(facts.not_after, now - days(1) + days(397));
  EXPECT_EQ(facts.fingerprint.size(), 32U * 3 - 1);
  EXPECT_EQ(facts.fingerprint.find_first_not_of("0123456789ABCDEF:"), std::string::npos);
}

// By `openssl req -new -addext subjectAltName=...` and `openssl ca -selfsign -enddate
// 99991231235959Z`; its fingerprint by `openssl x509 -noout -fingerprint -sha256`.
constexpr std::string_view made_by_openssl = R"(-----BEGIN CERTIFICATE-----
MIIBSTCB/KADAgECAgEBMAUGAytlcDAQMQ4wDAYDVQQDDAVmaXhlZDAgFw0yNjAx
MDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowEDEOMAwGA1UEAwwFZml4ZWQwKjAF
BgMrZXADIQA+r696YEatdrqAyPHsQomORPizSaAz0xVhuNEXY6pIfKN5MHcwVgYD
VR0RBE8wTYIRZml4ZWQuZXhhbXBsZS5vcmeHBAoBAgOBDWFAZXhhbXBsZS5vcmeG
FGh0dHBzOi8vZXhhbXBsZS5vcmcvgg0qLmV4YW1wbGUub3JnMB0GA1UdDgQWBBS7
F99bFprSfY9Reuob/yO1UYsqajAFBgMrZXADQQCi/T5CiR2j28Ln8cKRqC6MWopx
nr/Pkaua/jBTTgFNWpZLsw27/sRbNzEOTNhzdtZqiX1EQTrqkLBQaE8KIJkH
-----END CERTIFICATE-----
)";

TEST(certificate, one_made_by_another_program_is_read) {
  const auto facts = read_certificate(made_by_openssl);
  ASSERT_TRUE(facts) << facts.error().why;
  EXPECT_EQ(facts->fingerprint,
            "13:B0:84:1E:BC:A9:CA:AC:CF:F0:81:02:45:56:80:6E:35:22:4F:E7:B7:8A:2A:35:66:79:EA:90:"
            "14:79:73:58");
  // The year 9999 does not fit; addresses of mail and URIs are no host names.
  EXPECT_EQ(facts->not_after, std::chrono::sys_days(std::chrono::year(2200) / 12 / 31) +
                                  std::chrono::hours(23) + std::chrono::minutes(59) +
                                  std::chrono::seconds(59));
  EXPECT_EQ(facts->names, (std::vector<std::string>{"fixed.example.org", "10.1.2.3"}));
}

TEST(certificate, what_is_none_is_refused) {
  const auto whole = made().certificate_pem;
  const std::string encrypted =
      "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
      "00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END CERTIFICATE-----\n";
  for (const auto& bad : std::vector<std::string>{
           "", "not a certificate", whole.substr(0, whole.size() / 2), made().key_pem.reveal(),
           "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", encrypted,
           std::string(1'000'000, 'A')}) {
    const auto facts = read_certificate(bad);
    ASSERT_FALSE(facts) << bad.substr(0, 100);
    EXPECT_EQ(facts.error().reason, Reason::corrupt);
    EXPECT_FALSE(facts.error().why.empty());
  }
}

TEST(certificate, every_damaged_byte_is_survived) {
  const auto whole = made().certificate_pem;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    const auto facts = read_certificate(damaged);
    if (!facts) continue;
    EXPECT_EQ(facts->fingerprint.size(), 32U * 3 - 1) << at;
    EXPECT_LT(facts->not_after, std::chrono::sys_days(std::chrono::year(2201) / 1 / 1)) << at;
  }
}

TEST(certificate, a_name_that_is_none_is_refused) {
  for (const std::string& bad :
       {std::string(), std::string("two words"), std::string("a,DNS:evil.example"),
        std::string("fe80::1%eth0"), std::string("10.0.0.256"), std::string("a..b"),
        std::string("-a"), std::string("*.example.org"), std::string("a\0b", 3),
        std::string("caf\xc3\xa9"), std::string(254, 'a'), std::string(64, 'a') + ".b"}) {
    const auto certificate = make_certificate({"desk", bad}, now);
    ASSERT_FALSE(certificate) << bad;
    EXPECT_EQ(certificate.error().exit, Exit::usage);
  }
  EXPECT_FALSE(make_certificate({}, now));
}

TEST(certificate, a_first_name_too_long_for_a_common_name_is_still_covered) {
  const auto name = std::string(60, 'a') + "." + std::string(60, 'b');
  EXPECT_EQ(facts_of(made({name})).names, std::vector<std::string>{name});
}

TEST(certificate, is_renewed_when_it_ends_soon_or_lacks_a_name) {
  const auto facts = facts_of(made());
  struct Case {
    std::vector<std::string> names;
    WallTime at;
    bool renewed;
  };
  for (const auto& [wanted, at, renewed] :
       std::vector<Case>{{names, now, false},
                         {{}, now, false},
                         {{"DESK.", "0:0:0:0:0:0:0:1"}, now, false},
                         {{"desk", "192.168.1.21"}, now, true},
                         {{"des"}, now, true},
                         {{"not a name"}, now, true},
                         {names, facts.not_after - days(30), false},
                         {names, facts.not_after - days(30) + std::chrono::seconds(1), true},
                         {names, facts.not_after + days(1), true}}) {
    EXPECT_EQ(needs_renewal(facts, wanted, at), renewed) << testing::PrintToString(wanted);
  }
}

TEST(host_names, has_the_loopback_and_no_scope_and_nothing_twice) {
  const auto found = host_names();
  for (const auto* const expected : {"localhost", "127.0.0.1", "::1"}) {
    EXPECT_EQ(std::ranges::count(found, expected), 1) << expected;
  }
  for (const auto& name : found) {
    EXPECT_EQ(name.find('%'), std::string::npos) << name;
    EXPECT_FALSE(name.starts_with("fe80:")) << name;
  }
  auto sorted = found;
  std::ranges::sort(sorted);
  EXPECT_EQ(std::ranges::adjacent_find(sorted), sorted.end());
  EXPECT_TRUE(make_certificate(found, now));
}

}  // namespace
}  // namespace carrel
