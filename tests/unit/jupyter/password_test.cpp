#include "jupyter/password.hpp"

#include "base/error.hpp"
#include "base/secret.hpp"
#include "os/random.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

class CountingRandom final : public Random {
 public:
  std::string bytes(std::size_t count) override {
    std::string bytes;
    while (bytes.size() < count) bytes += static_cast<char>(next_++);
    return bytes;
  }

 private:
  int next_ = 0;
};

// Made by jupyter_server 2.21's own passwd("mypassword").
constexpr std::string_view made_by_jupyter =
    "argon2:$argon2id$v=19$m=10240,t=10,p=8$p7RGuHQkV0GepN7NDP16kw$"
    "ry8txeu3S50KzwnovvxLsFf3f8Hurm0ogK7O6aFqPsE";

TEST(password, is_hashed_in_jupyters_form_with_a_salt_from_random) {
  CountingRandom random;
  const auto hash = hash_password(Secret("mypassword"), random);
  ASSERT_TRUE(hash);
  // As argon2-cffi's low_level.hash_secret makes it from the same salt and parameters.
  EXPECT_EQ(hash->reveal(),
            "argon2:$argon2id$v=19$m=10240,t=10,p=8$AAECAwQFBgcICQoLDA0ODw$fL/"
            "UPi0SES5j0XuEMvwCb6hccn4dHmD3sYzrjuCvmNk");
  EXPECT_TRUE(check_password_hash(hash->reveal()));
  EXPECT_NE(hash_password(Secret("mypassword"), random)->reveal(), hash->reveal());
}

TEST(password, verifies_the_password_and_no_other) {
  CountingRandom random;
  const auto hash = hash_password(Secret("Käse 🧀"), random);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(verify_password(hash->reveal(), Secret("Käse 🧀")));
  EXPECT_FALSE(verify_password(hash->reveal(), Secret("Käse")));
  EXPECT_FALSE(verify_password(hash->reveal(), Secret("")));
  EXPECT_TRUE(verify_password(made_by_jupyter, Secret("mypassword")));
  EXPECT_FALSE(verify_password(made_by_jupyter, Secret("mypassworD")));
}

TEST(password, verifies_other_argon2_parameters_and_no_old_form) {
  EXPECT_TRUE(verify_password(
      "argon2:$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$mdKsRn6JP5fFTzi8k/Z4mg",
      Secret("password")));
  EXPECT_FALSE(verify_password("sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a",
                               Secret("mypassword")));
  EXPECT_FALSE(verify_password("", Secret("")));
  EXPECT_FALSE(verify_password("argon2:", Secret("")));
}

TEST(password, one_that_jupyters_sign_in_page_would_alter_is_refused) {
  CountingRandom random;
  for (const std::string& bad :
       {std::string(), std::string(" "), std::string("secret "), std::string("\tsecret"),
        std::string("secret\n"), std::string("sec\nret"), std::string("sec\0ret", 7)}) {
    const auto hash = hash_password(Secret(bad), random);
    ASSERT_FALSE(hash) << bad;
    EXPECT_EQ(hash.error().exit, Exit::usage);
    EXPECT_EQ((hash.error().what + hash.error().why).find("secret"), std::string::npos);
  }
  EXPECT_TRUE(hash_password(Secret("two words"), random));
}

TEST(password_hash, is_accepted_in_every_form_that_jupyter_verifies) {
  const std::string salt = "c29tZXNhbHRzb21lc2FsdA";
  const std::string end = "$" + salt + "$QUJDREVGR0hJSktMTU5PUA";
  for (const auto& good : std::vector<std::string>{
           std::string(made_by_jupyter),
           "argon2:$argon2id$v=19$m=65536,t=3,p=4" + end,
           "argon2:$argon2i$v=19$m=512,t=2,p=2" + end,
           "argon2:$argon2d$v=16$m=8,t=1,p=1" + end,
           "argon2:$argon2id$m=10240,t=10,p=8" + end,
           "sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a",
           "md5:salt:" + std::string(32, 'a'),
           "sha256:salt:" + std::string(64, '0'),
           "sha512:salt:" + std::string(128, 'f'),
           "sha3_256:salt:" + std::string(64, '9'),
           "blake2b:salt:" + std::string(128, '9'),
       }) {
    const auto checked = check_password_hash(good);
    EXPECT_TRUE(checked) << good << ": " << checked.error().what << " " << checked.error().why;
  }
}

TEST(password_hash, anything_else_is_refused_with_the_command_and_without_repeating_it) {
  struct Case {
    std::string text, what;
  };
  const std::string tail = "$c29tZXNhbHRzb21lc2FsdA$QUJDREVGR0hJSktMTU5PUA";
  const std::string whole = "argon2:$argon2id$v=19$m=10240,t=10,p=8";
  const std::string plain = "looks like a password itself";
  const std::string damaged = "not whole";
  for (const auto& [text, what] : std::vector<Case>{
           {"", "is empty"},
           {"hunter2", plain},
           {"correct horse battery staple", plain},
           {"rot13:salt:uhagre2", plain},
           {"a:b:c", plain},
           {"SHA1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a", plain},
           {"shake_128:salt:" + std::string(32, 'a'), plain},
           {"$argon2id$v=19$m=10240,t=10,p=8" + tail, "not in Jupyter's form"},
           {"sha1:hunter2", damaged},
           {"sha1::a68df677475c2b47b6e86d0467eec97ac5f4b85a", damaged},
           {"sha1:sa lt:a68df677475c2b47b6e86d0467eec97ac5f4b85a", damaged},
           {"sha1:0e112c3ddfce:", damaged},
           {"sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85", damaged},
           {"sha1:0e112c3ddfce:A68DF677475C2B47B6E86D0467EEC97AC5F4B85A", damaged},
           {"sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a\n", damaged},
           {"sha256:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a", damaged},
           {"argon2:", damaged},
           {"argon2:hunter2", damaged},
           {"argon2:$argon2x$v=19$m=10240,t=10,p=8" + tail, damaged},
           {"argon2:$argon2id$v=18$m=10240,t=10,p=8" + tail, damaged},
           {"argon2:$argon2id$v=19m=10240,t=10,p=8" + tail, damaged},
           {"argon2:$argon2id$v=19$m=10240,t=10" + tail, damaged},
           {"argon2:$argon2id$v=19$t=10,m=10240,p=8" + tail, damaged},
           {"argon2:$argon2id$v=19$m=010240,t=10,p=8" + tail, damaged},
           {"argon2:$argon2id$v=19$m=-1,t=10,p=8" + tail, damaged},
           {"argon2:$argon2id$v=19$m=99999999999999999999,t=10,p=8" + tail, damaged},
           {"argon2:$argon2id$v=19$m=4294967295,t=1,p=1" + tail, "not whole"},
           {"argon2:$argon2id$v=19$m=10240,t=4294967295,p=8" + tail, damaged},
           {"argon2:$argon2id$v=19$m=10240,t=10,p=4294967295" + tail, damaged},
           {"argon2:$argon2id$v=19$m=63,t=10,p=8" + tail, damaged},
           {whole, damaged},
           {whole + "$", damaged},
           {whole + "$c29tZXNhbHRzb21lc2FsdA", damaged},
           {whole + "$c29tZXNhbHRzb21lc2FsdA$", damaged},
           {whole + tail + "$", damaged},
           {whole + tail + "\n", damaged},
           {whole + tail + "=", damaged},
           {whole + "$c2FsdA$QUJDREVGR0hJSktMTU5PUA", damaged},
           {whole + "$c29tZXNhbHRzb21lc2FsdB$QUJDREVGR0hJSktMTU5PUA", damaged},
           {whole + "$c29tZXNhbHRzb21lc2FsdA$QUJDREVGR0hJSktMTU5PU", damaged},
           {whole + "$c29tZXNhbHR-b21lc2FsdA$QUJDREVGR0hJSktMTU5PUA", damaged},
       }) {
    const auto checked = check_password_hash(text);
    ASSERT_FALSE(checked) << text;
    const auto& error = checked.error();
    EXPECT_NE(error.what.find(what), std::string::npos) << text << ": " << error.what;
    EXPECT_EQ(error.exit, Exit::usage);
    EXPECT_NE(error.hint.find("carrel password"), std::string::npos);
    EXPECT_EQ((error.what + error.why + error.hint).find("hunter2"), std::string::npos);
    EXPECT_FALSE(verify_password(text, Secret("hunter2")));
  }
}

}  // namespace
}  // namespace carrel
