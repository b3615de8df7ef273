#include "aws/client.hpp"

#include "aws/credentials.hpp"
#include "aws/ec2_instances.hpp"
#include "aws/params.hpp"
#include "aws/pricing.hpp"
#include "aws/retry.hpp"
#include "aws/service.hpp"
#include "aws/ssm.hpp"
#include "aws/throttle.hpp"
#include "base/error.hpp"
#include "base/money.hpp"
#include "base/secret.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/fake_https.hpp"
#include "fakes/fake_random.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"
#include "os/https.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

const std::string ec2_url = "https://ec2.eu-west-1.amazonaws.com/";

class Client : public ::testing::Test {
 protected:
  AwsClient client() {
    return {{.https = https_,
             .clock = clock_,
             .random = random_,
             .credentials = source_,
             .throttle = throttle_,
             .quota = quota_,
             .pause =
                 [this](Milliseconds duration, const Wait&) {
                   if (duration.count() > 0) pauses_.push_back(duration);
                   clock_.advance(duration);
                   return Result<>{};
                 },
             .tell = [this](std::string_view text) { told_.emplace_back(text); }},
            "eu-west-1"};
  }
  Result<std::string> ask(std::string_view action = "DescribeVpcs") {
    return client().call(ec2_service, action, {}, {});
  }

  FakeHttps https_;
  FakeClock clock_;
  FakeRandom random_;
  int found_ = 0;
  CredentialsSource source_{[this](const Wait&) -> Result<Credentials> {
                              return Credentials{.access_key = fmt::format("KEY{}", ++found_),
                                                 .secret_key = Secret("hidden")};
                            },
                            clock_};
  Throttle throttle_;
  RetryQuota quota_;
  std::vector<Milliseconds> pauses_;
  std::vector<std::string> told_;
};

HttpResponse ec2_error(int status, std::string_view code, Headers headers = {}) {
  return {.status = status,
          .headers = std::move(headers),
          .body = fmt::format("<?xml version=\"1.0\"?><Response><Errors><Error><Code>{}</Code>"
                              "<Message>Its words.</Message></Error></Errors><RequestID>r-1"
                              "</RequestID></Response>",
                              code)};
}

Error lost(Reason reason) {
  return {
      .what = "lost", .why = {}, .hint = {}, .exit = Exit::failed, .reason = reason, .trace = {}};
}

const HttpResponse fine = {.status = 200, .headers = {}, .body = "<ok/>"};

TEST_F(Client, a_call_is_a_signed_form) {
  https_.when(ec2_url, fine);
  ASSERT_TRUE(client().call(ec2_service, "RunInstances", Params().add("Name", "a b&c=~é"), {}));
  const HttpsRequest& request = https_.calls().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, ec2_url);
  EXPECT_EQ(request.body, "Action=RunInstances&Version=2016-11-15&Name=a+b%26c%3D~%C3%A9");
  EXPECT_TRUE(header_of(request, "Authorization")
                  .starts_with("AWS4-HMAC-SHA256 Credential=KEY1/20261124/eu-west-1/ec2/"));
}

TEST_F(Client, an_answer_that_says_no_is_an_error_with_its_code_and_what_to_do) {
  struct Case {
    HttpResponse answer;
    const char* code;
    Reason reason;
    Exit exit;
  };
  const std::vector<Case> cases = {
      {ec2_error(400, "InvalidInstanceID.NotFound"), "InvalidInstanceID.NotFound",
       Reason::not_found, Exit::failed},
      {ec2_error(400, "InvalidGroup.Duplicate"), "InvalidGroup.Duplicate", Reason::exists,
       Exit::failed},
      {ec2_error(400, "VcpuLimitExceeded"), "VcpuLimitExceeded", Reason::refused, Exit::act},
      {ec2_error(403, "UnauthorizedOperation"), "UnauthorizedOperation", Reason::refused,
       Exit::act},
      {ec2_error(401, "AuthFailure"), "AuthFailure", Reason::refused, Exit::act},
      {ec2_error(412, "DryRunOperation"), "DryRunOperation", Reason::refused, Exit::failed},
      {ec2_error(500, "InsufficientInstanceCapacity"), "InsufficientInstanceCapacity",
       Reason::refused, Exit::failed},
      {{.status = 403, .headers = {}, .body = "<html>\x1b[2J"}, "", Reason::refused, Exit::failed},
  };
  for (const Case& c : cases) {
    FakeHttps https;
    https_ = https;
    https_.when(ec2_url, c.answer);
    const auto answer = ask();
    ASSERT_FALSE(answer) << c.code;
    EXPECT_EQ(answer.error().code, c.code);
    EXPECT_EQ(answer.error().reason, c.reason) << c.code;
    EXPECT_EQ(answer.error().exit, c.exit) << c.code;
    EXPECT_EQ(https_.calls().size(), 1) << c.code << " is not tried again";
    if (*c.code != '\0') {
      EXPECT_EQ(answer.error().why, fmt::format("{}: Its words. (request r-1)", c.code));
    } else {
      EXPECT_EQ(answer.error().why, "HTTP status 403");
    }
  }
}

TEST_F(Client, what_may_be_gone_the_next_time_is_tried_three_times_with_pauses) {
  const std::vector<std::pair<const char*, Result<HttpResponse>>> cases = {
      {"throttled", ec2_error(503, "RequestLimitExceeded")},
      {"throttled as others say it", ec2_error(400, "ThrottlingException")},
      {"a failure of AWS", ec2_error(500, "InternalError")},
      {"not AWS's answer", HttpResponse{.status = 502, .headers = {}, .body = "<html>"}},
      {"no answer", fail(lost(Reason::unreachable))},
      {"no answer in time", fail(lost(Reason::timed_out))},
  };
  for (const auto& [name, failure] : cases) {
    https_ = {};
    pauses_.clear();
    https_.when(ec2_url, std::deque<Result<HttpResponse>>{failure, failure, fine});
    EXPECT_TRUE(ask()) << name;
    EXPECT_EQ(https_.calls().size(), 3) << name;
    ASSERT_EQ(pauses_.size(), 2) << name;
    EXPECT_LE(pauses_[0], std::chrono::seconds(1));
    EXPECT_LE(pauses_[1], std::chrono::seconds(2));
    https_ = {};
    https_.when(ec2_url, std::deque<Result<HttpResponse>>{failure});
    EXPECT_FALSE(ask()) << name;
    EXPECT_EQ(https_.calls().size(), 3) << name;
  }
}

TEST_F(Client, an_interrupt_is_not_tried_again) {
  https_.when(ec2_url, std::deque<Result<HttpResponse>>{fail(lost(Reason::interrupted))});
  EXPECT_EQ(ask().error().reason, Reason::interrupted);
  EXPECT_EQ(https_.calls().size(), 1);
}

TEST_F(Client, a_pause_is_as_long_as_the_answer_asks_for) {
  https_.when(ec2_url, {ec2_error(503, "RequestLimitExceeded", {{"Retry-After", "7"}}), fine});
  EXPECT_TRUE(ask());
  EXPECT_EQ(pauses_, std::vector<Milliseconds>{std::chrono::seconds(7)});
}

TEST_F(Client, a_region_that_stays_broken_is_asked_less_and_less) {
  https_.when(ec2_url, ec2_error(500, "InternalError"));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(ask());
  // 500 tokens at 5 a retry
  EXPECT_EQ(https_.calls().size(), 100 + 100);
}

TEST_F(Client, calls_are_held_back_to_the_rate_that_aws_allows) {
  https_.when(ec2_url, fine);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ask("RunInstances"));
  Milliseconds sum{};
  for (const Milliseconds pause : pauses_) sum += pause;
  EXPECT_EQ(sum, std::chrono::milliseconds(8500));  // 3 at once, 17 at 2 a second
  pauses_.clear();
  EXPECT_TRUE(ask("DescribeVpcs"));
  EXPECT_TRUE(pauses_.empty()) << "a bucket of its own";
}

TEST_F(Client, a_long_wait_says_what_it_waits_for) {
  const auto empty = bucket_of("ec2", "RunInstances", true);
  for (int i = 0; i < 9; ++i) throttle_.take(empty, "eu-west-1", clock_.now());  // by others
  https_.when(ec2_url, fine);
  EXPECT_TRUE(ask("RunInstances"));
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0], "waiting 3.5 s: AWS takes 2 calls a second such as ec2:RunInstances");
  https_ = {};
  https_.when(ec2_url, {ec2_error(503, "RequestLimitExceeded", {{"Retry-After", "30"}}), fine});
  EXPECT_TRUE(ask());
  ASSERT_EQ(told_.size(), 2U);
  EXPECT_TRUE(
      told_[1].starts_with("waiting 30 s: AWS did not do ec2:DescribeVpcs: "
                           "RequestLimitExceeded"))
      << told_[1];
}

TEST_F(Client, expired_credentials_are_found_anew_once) {
  https_.when(ec2_url, {ec2_error(400, "RequestExpired"), fine});
  EXPECT_TRUE(ask());
  EXPECT_EQ(found_, 2);
  EXPECT_TRUE(header_of(https_.calls().at(1), "Authorization").contains("Credential=KEY2/"));
  https_ = {};
  https_.when(ec2_url, ec2_error(400, "RequestExpired"));
  const auto answer = ask();
  EXPECT_EQ(answer.error().exit, Exit::act);
  EXPECT_EQ(https_.calls().size(), 2);
}

TEST_F(Client, a_wrong_clock_is_told_from_wrong_keys) {
  // two hours before the clock's 11:16:40
  https_.when(ec2_url, ec2_error(401, "AuthFailure", {{"Date", "Tue, 24 Nov 2026 09:16:40 GMT"}}));
  EXPECT_EQ(ask().error().hint, "set this computer's clock: it is 2 h 00 min ahead");
}

TEST_F(Client, no_error_shows_a_secret) {
  https_.when(ec2_url, ec2_error(401, "SignatureDoesNotMatch"));
  const Error error = ask().error();
  EXPECT_EQ((error.what + error.why + error.hint).find("hidden"), std::string::npos);
}

TEST_F(Client, broken_and_hostile_xml_is_corrupt) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "<a>";
  for (int i = 0; i < 200'000; ++i) deep += "</a>";
  for (const std::string& body :
       {std::string("<"), std::string(), std::string("<html></html>"),
        "<DescribeInstancesResponse>" + deep + "</DescribeInstancesResponse>"}) {
    https_ = {};
    https_.when(ec2_url, HttpResponse{.status = 200, .headers = {}, .body = body});
    const auto answer = describe_instances(client(), {}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason, Reason::corrupt);
  }
}

TEST_F(Client, machines_are_read_from_every_page) {
  const auto page = [](std::string_view id, std::string_view next) {
    return HttpResponse{
        .status = 200,
        .headers = {},
        .body = fmt::format(
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>{}"
            "</instanceId><instanceState><code>48</code><name>terminated</name></instanceState>"
            "<stateReason><code>Server.InsufficientInstanceCapacity</code><message>none</message>"
            "</stateReason></item></instancesSet></item></reservationSet><nextToken>{}</nextToken>"
            "</DescribeInstancesResponse>",
            id, next)};
  };
  https_.when(ec2_url, {page("i-1", "more="), page("i-2", "")});
  const auto found = describe_instances(client(), {.filters = {{"tag:a", {"1", "2"}}}}, {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2);
  EXPECT_EQ((*found)[1].id, "i-2");
  EXPECT_EQ((*found)[1].state, InstanceState::terminated);
  EXPECT_EQ((*found)[1].state_code, "Server.InsufficientInstanceCapacity");
  EXPECT_EQ(https_.calls().at(1).body,
            "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Aa&Filter.1.Value.1=1"
            "&Filter.1.Value.2=2&MaxResults=1000&NextToken=more%3D");
}

TEST_F(Client, a_list_that_never_ends_is_given_up) {
  https_.when(ec2_url, HttpResponse{.status = 200,
                                    .headers = {},
                                    .body = "<DescribeInstancesResponse><nextToken>x</nextToken>"
                                            "</DescribeInstancesResponse>"});
  EXPECT_EQ(describe_instances(client(), {}, {}).error().reason, Reason::corrupt);
}

TEST_F(Client, a_launch_says_all_that_makes_it_safe) {
  const std::string form = run_instances_params({.client_token = "t",
                                                 .image = "ami-1",
                                                 .type = "g5.xlarge",
                                                 .key_name = "k",
                                                 .security_groups = {"sg-1"},
                                                 .subnet = "subnet-1",
                                                 .public_address = true,
                                                 .user_data = "#!/bin/sh",
                                                 .root_device = "/dev/xvda",
                                                 .disk_gib = 100,
                                                 .tags = {{"Name", "n"}}})
                               .form();
  for (const char* part :
       {"ClientToken=t", "MinCount=1", "MaxCount=1", "UserData=IyEvYmluL3No",
        "InstanceInitiatedShutdownBehavior=stop", "MetadataOptions.HttpTokens=required",
        "NetworkInterface.1.AssociatePublicIpAddress=true", "NetworkInterface.1.SubnetId=subnet-1",
        "NetworkInterface.1.SecurityGroupId.1=sg-1", "BlockDeviceMapping.1.Ebs.Encrypted=true",
        "BlockDeviceMapping.1.Ebs.DeleteOnTermination=true",
        "TagSpecification.1.ResourceType=instance", "TagSpecification.2.ResourceType=volume",
        "TagSpecification.3.ResourceType=network-interface", "TagSpecification.3.Tag.1.Value=n"}) {
    EXPECT_TRUE(form.contains(part)) << part << " in " << form;
  }
  EXPECT_FALSE(form.contains("&SubnetId=")) << "EC2 refuses it beside an interface";
}

TEST_F(Client, a_dry_run_that_would_succeed_is_no_failure) {
  https_.when(ec2_url, ec2_error(412, "DryRunOperation"));
  EXPECT_TRUE(dry_run_instance(client(), {}, {}));
  EXPECT_TRUE(https_.calls().at(0).body.ends_with("&DryRun=true"));
  https_.when(ec2_url, ec2_error(403, "UnauthorizedOperation"));
  EXPECT_EQ(dry_run_instance(client(), {}, {}).error().code, "UnauthorizedOperation");
}

TEST_F(Client, a_json_call_names_its_target) {
  https_.when(
      "https://ssm.eu-west-1.amazonaws.com/",
      HttpResponse{.status = 200, .headers = {}, .body = R"({"Parameter":{"Value":"ami-1"}})"});
  EXPECT_EQ(get_parameter(client(), "/a", {}).value(), "ami-1");
  const HttpsRequest& request = https_.calls().at(0);
  EXPECT_EQ(header_of(request, "X-Amz-Target"), "AmazonSSM.GetParameter");
  EXPECT_EQ(header_of(request, "Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(request.body, R"({"Name":"/a"})");
}

TEST_F(Client, an_error_in_json_is_read_in_each_of_its_forms) {
  for (const HttpResponse& response :
       {HttpResponse{400, {}, R"({"__type":"com.amazon#ParameterNotFound","message":"m"})"},
        HttpResponse{400, {}, R"({"__type":"ParameterNotFound","Message":"m"})"},
        HttpResponse{
            400, {{"x-amzn-errortype", "ParameterNotFound:http://x/"}}, R"({"message":"m"})"}}) {
    https_ = {};
    https_.when("https://ssm", response);
    const Error error = get_parameter(client(), "/a", {}).error();
    EXPECT_EQ(error.code, "ParameterNotFound");
    EXPECT_EQ(error.why, "ParameterNotFound: m");
    EXPECT_EQ(error.reason, Reason::not_found);
  }
}

TEST_F(Client, a_price_is_read_from_the_list_in_us_east_1) {
  https_.when(
      "https://api.pricing.us-east-1.amazonaws.com/",
      HttpResponse{
          200,
          {},
          R"({"PriceList":["{\"terms\":{\"OnDemand\":{\"A\":{\"priceDimensions\":{\"B\":{\"unit\":\"Hrs\",\"pricePerUnit\":{\"USD\":\"0.5260000000\"}}}}}}}"]})"});
  const auto price = hourly_price(client(), "g4dn.xlarge", "eu-west-1", {});
  ASSERT_TRUE(price);
  EXPECT_EQ(*price, Money{526'000});
  EXPECT_TRUE(header_of(https_.calls().at(0), "Authorization").contains("/us-east-1/pricing/"));
}

TEST(Price, amounts_are_exact_to_the_micro_dollar_and_hostile_ones_are_none) {
  EXPECT_EQ(parse_usd("0.0000010000"), Money{1});
  EXPECT_EQ(parse_usd("98.32"), Money{98'320'000});
  for (const char* text : {"", "x", "1e3", "-1", "nan", "inf", "1.2x", "99999999999"}) {
    EXPECT_FALSE(parse_usd(text)) << text;
  }
}

}  // namespace
}  // namespace carrel
