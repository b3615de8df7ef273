#include "aws/chain.hpp"

#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/metadata.hpp"
#include "aws/service.hpp"
#include "base/error.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/fake_https.hpp"
#include "fakes/fake_processes.hpp"
#include "fakes/fake_random.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/http.hpp"
#include "os/https.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

HttpResponse text(std::string body, int status = 200) {
  return {.status = status, .headers = {}, .body = std::move(body)};
}

const std::string machine_keys =
    R"({"Code":"Success","AccessKeyId":"MACHINE","SecretAccessKey":"s","Token":"t",)"
    R"("Expiration":"2026-11-24T17:16:40Z"})";

class Chain : public ::testing::Test {
 protected:
  void file(const std::string& name, std::string_view bytes) {
    ASSERT_TRUE(make_folder((folder_.path() / ".aws" / name).parent_path()));
    ASSERT_TRUE(write_file(folder_.path() / ".aws" / name, bytes, 0600));
  }
  Result<AwsConfig> config(const std::optional<std::string>& profile = std::nullopt) {
    environment_["HOME"] = folder_.path().string();
    return load_aws_config(environment_, profile);
  }
  Result<Credentials> find(const std::optional<std::string>& profile = std::nullopt) {
    const AwsConfig config = TRY(this->config(profile));
    return find_credentials(config,
                            {.https = https_,
                             .processes = processes_,
                             .clock = clock_,
                             .random = random_,
                             .pause = [](Milliseconds, const Wait&) { return Result<>{}; }},
                            {});
  }
  std::string key(const std::optional<std::string>& profile = std::nullopt) {
    auto found = find(profile);
    return found ? found->access_key : found.error().what + ": " + found.error().why;
  }
  void there_is_a_machine() {
    https_.when("http://169.254.169.254/latest/api/token", [](const HttpsRequest& request) {
      EXPECT_EQ(request.method, "PUT");
      return Result<HttpResponse>(text("TOKEN"));
    });
    const std::string roles = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
    https_.when(roles, text("my-role"));
    https_.when(roles + "my-role", [](const HttpsRequest& request) {
      const bool proved = header_of(request, "X-aws-ec2-metadata-token") == "TOKEN";
      return Result<HttpResponse>(proved ? text(machine_keys) : text("", 401));
    });
    https_.when("http://169.254.169.254/latest/meta-data/placement/region", text("eu-north-1"));
  }

  TemporaryFolder folder_;
  Environment environment_;
  FakeHttps https_;
  FakeProcesses processes_;
  FakeClock clock_;
  FakeRandom random_;
};

TEST_F(Chain, with_nothing_at_all_it_says_what_was_tried_and_what_to_do) {
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().what, "there are no AWS credentials");
  for (const char* source :
       {"AWS_ACCESS_KEY_ID", "~/.aws/credentials", "container", "EC2 machine"}) {
    EXPECT_TRUE(found.error().why.contains(source)) << source;
  }
  EXPECT_EQ(found.error().exit, Exit::act);
  EXPECT_TRUE(found.error().hint.contains("aws sso login"));
}

TEST_F(Chain, the_sources_are_asked_in_the_order_of_awss_own_tools) {
  there_is_a_machine();
  EXPECT_EQ(key(), "MACHINE");
  environment_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/x";
  https_.when("http://169.254.170.2/v2/x", text(R"({"AccessKeyId":"BOX","SecretAccessKey":"s"})"));
  EXPECT_EQ(key(), "BOX");
  file("config", "[default]\naws_access_key_id = CONFIG\naws_secret_access_key = s\n");
  EXPECT_EQ(key(), "CONFIG");
  file("credentials",
       "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n"
       "[other]\naws_access_key_id = OTHER\naws_secret_access_key = s\n");
  EXPECT_EQ(key(), "FILE");
  environment_["AWS_PROFILE"] = "other";
  EXPECT_EQ(key(), "OTHER");
  environment_["AWS_ACCESS_KEY_ID"] = "ENV";
  environment_["AWS_SECRET_ACCESS_KEY"] = "s";
  EXPECT_EQ(key(), "ENV");
  EXPECT_EQ(key("other"), "OTHER") << "a profile on the command line goes before the environment";
}

TEST_F(Chain, temporary_keys_have_a_token_and_an_end) {
  there_is_a_machine();
  const auto found = find();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->session_token.reveal(), "t");
  EXPECT_EQ(found->expires, clock_.wall() + std::chrono::hours(6));
}

TEST_F(Chain, half_of_a_source_is_an_error_and_not_passed_over) {
  there_is_a_machine();
  file("config", "[profile half]\naws_access_key_id = A\n");
  EXPECT_TRUE(key("half").contains("is not whole"));
  environment_["AWS_ACCESS_KEY_ID"] = "A";
  EXPECT_TRUE(key().contains("not whole"));
}

TEST_F(Chain, a_profile_that_does_not_exist_is_named_with_the_nearest) {
  file("config", "[profile course]\nregion = eu-west-1\n");
  const auto found = find("corse");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().hint, "did you mean course?");
}

TEST_F(Chain, a_role_is_assumed_with_its_source_profiles_keys) {
  file("credentials", "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
  file("config",
       "[profile work]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n"
       "external_id = x\nregion = eu-west-1\n");
  https_.when("https://sts.eu-west-1.amazonaws.com/",
              text("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLE"
                   "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"
                   "</SessionToken><Expiration>2026-11-24T12:16:40Z</Expiration></Credentials>"
                   "</AssumeRoleResult></AssumeRoleResponse>"));
  EXPECT_EQ(key("work"), "ROLE");
  EXPECT_TRUE(header_of(https_.calls().at(0), "Authorization").contains("Credential=BASE/"));
  EXPECT_TRUE(https_.calls().at(0).body.ends_with(
      "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=carrel&ExternalId=x"));
}

TEST_F(Chain, roles_in_a_circle_and_without_a_source_are_said) {
  file("config",
       "[profile a]\nrole_arn = x\nsource_profile = b\n[profile b]\nrole_arn = y\nsource_profile = "
       "a\n"
       "[profile lone]\nrole_arn = x\n[profile lost]\nrole_arn = x\nsource_profile = nowhere\n"
       "[profile mfa]\nrole_arn = x\nmfa_serial = y\nsource_profile = keys\n"
       "[profile keys]\naws_access_key_id = A\naws_secret_access_key = s\n");
  EXPECT_TRUE(key("a").contains("a -> b -> a"));
  EXPECT_TRUE(key("lone").contains("neither source_profile nor credential_source"));
  EXPECT_TRUE(key("lost").contains("there is no such profile"));
  EXPECT_TRUE(find("mfa").error().hint.contains("export-credentials --profile mfa"));
}

TEST_F(Chain, a_process_gives_credentials_and_its_output_is_never_shown) {
  file("config", "[default]\ncredential_process = helper --x 'a b'\n");
  processes_.when(
      {"sh", "-c", "helper --x 'a b'"},
      {.status = 0,
       .output = R"({"Version":1,"AccessKeyId":"P","SecretAccessKey":"s","SessionToken":"t"})",
       .error = ""});
  EXPECT_EQ(key(), "P");
  processes_.when({"sh", "-c", "helper --x 'a b'"},
                  {.status = 1, .output = "SECRET", .error = "not logged in\n"});
  EXPECT_TRUE(key().contains("not logged in"));
  EXPECT_FALSE(key().contains("SECRET"));
  processes_.when({"sh", "-c", "helper --x 'a b'"}, {.status = 0, .output = "SECRET", .error = ""});
  EXPECT_FALSE(key().contains("SECRET"));
}

const std::string sso_config =
    "[profile school]\nsso_session = s\nsso_account_id = 123\nsso_role_name = Student\n"
    "[sso-session s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n";

TEST_F(Chain, an_sso_login_is_used_while_its_token_is_good) {
  file("config", sso_config);
  // sha1("s")
  file("sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
       R"({"accessToken":"TOK","expiresAt":"2026-11-24T12:00:00Z"})");
  https_.when(
      "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials"
      "?role_name=Student&account_id=123",
      text(R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"s",)"
           R"("sessionToken":"t","expiration":1795522600000}})"));
  const auto found = find("school");
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->access_key, "SSO");
  EXPECT_EQ(found->expires, clock_.wall() + std::chrono::hours(1));
  EXPECT_EQ(header_of(https_.calls().at(0), "x-amz-sso_bearer_token"), "TOK");
}

TEST_F(Chain, an_expired_sso_login_is_renewed_by_the_aws_cli_or_said) {
  file("config", sso_config);
  EXPECT_EQ(find("school").error().hint, "aws sso login --profile school");
  processes_.when(
      {"aws", "configure", "export-credentials"},
      {.status = 0, .output = R"({"AccessKeyId":"CLI","SecretAccessKey":"s"})", .error = ""});
  EXPECT_EQ(key("school"), "CLI");
  processes_.when({"aws", "configure", "export-credentials"},
                  {.status = 255, .output = "", .error = "Token has expired\n"});
  EXPECT_TRUE(key("school").contains("Token has expired"));
}

TEST_F(Chain, the_container_is_not_asked_in_plain_text_over_a_network) {
  for (const char* url : {"http://example.org/", "http://127.0.0.1.example.org/",
                          "http://localhost@example.org/", "ftp://localhost/"}) {
    environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    EXPECT_EQ(find().error().reason, Reason::unverified) << url;
  }
  EXPECT_TRUE(https_.calls().empty());
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:8/x";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "auth";
  https_.when("http://127.0.0.1:8/x", text(R"({"AccessKeyId":"BOX","SecretAccessKey":"s"})"));
  EXPECT_EQ(key(), "BOX");
  EXPECT_EQ(header_of(https_.calls().at(0), "Authorization"), "auth");
}

TEST_F(Chain, the_machine_is_not_asked_where_that_is_forbidden) {
  there_is_a_machine();
  environment_["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_FALSE(find());
  EXPECT_TRUE(https_.calls().empty());
}

TEST_F(Chain, the_region_comes_from_the_environment_the_profile_or_the_machine) {
  EXPECT_EQ(find_region(config().value(), https_, {}).error().exit, Exit::act);
  there_is_a_machine();
  EXPECT_EQ(find_region(config().value(), https_, {}), "eu-north-1");
  file("config", "[default]\nregion = eu-west-3\n");
  EXPECT_EQ(find_region(config().value(), https_, {}), "eu-west-3");
  environment_["AWS_DEFAULT_REGION"] = "us-east-2";
  EXPECT_EQ(find_region(config().value(), https_, {}), "us-east-2");
  environment_["AWS_REGION"] = "us-west-2";
  EXPECT_EQ(find_region(config().value(), https_, {}), "us-west-2");
}

TEST_F(Chain, endpoints_are_those_of_the_environment_then_the_file) {
  const auto ec2 = [&] {
    return endpoint_url(ec2_service, "eu-west-1", endpoint_overrides(config().value()));
  };
  EXPECT_EQ(ec2(), "https://ec2.eu-west-1.amazonaws.com/");
  file("config",
       "[default]\nservices = mine\nendpoint_url = http://all:1\n"
       "[services mine]\nec2 =\n  endpoint_url = http://ec2:2\n");
  EXPECT_EQ(ec2(), "http://ec2:2/");
  EXPECT_EQ(endpoint_url(sts_service, "x", endpoint_overrides(config().value())), "http://all:1/");
  environment_["AWS_ENDPOINT_URL"] = "http://env:3/";
  EXPECT_EQ(ec2(), "http://env:3/");
  environment_["AWS_ENDPOINT_URL_EC2"] = "http://env:4";
  EXPECT_EQ(ec2(), "http://env:4/");
  environment_["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(ec2(), "https://ec2.eu-west-1.amazonaws.com/");
}

TEST(Config, is_read_as_the_aws_cli_reads_it) {
  const auto sections = parse_config(
      "junk\n# note\n[profile one]\nRegion=eu-west-1 \n; note\ns3 =\n  Max = 5\nx: y=z\n"
      "[ default ]\r\na=b\r\n[unclosed\nk=v");
  EXPECT_EQ(sections.at("profile one").at("region"), "eu-west-1");
  EXPECT_EQ(sections.at("profile one").at("s3.max"), "5");
  EXPECT_EQ(sections.at("profile one").at("x"), "y=z");
  EXPECT_EQ(sections.at("default").at("a"), "b");
  EXPECT_EQ(sections.at("unclosed").at("k"), "v");
}

TEST(Endpoint, each_partition_has_its_domain) {
  EXPECT_EQ(endpoint_url(ec2_service, "cn-north-1", {}),
            "https://ec2.cn-north-1.amazonaws.com.cn/");
  EXPECT_EQ(endpoint_url(sts_service, "us-gov-west-1", {}),
            "https://sts.us-gov-west-1.amazonaws.com/");
  EXPECT_EQ(endpoint_url(ec2_service, "eusc-de-east-1", {}),
            "https://ec2.eusc-de-east-1.amazonaws.eu/");
}

}  // namespace
}  // namespace carrel
