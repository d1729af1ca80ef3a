// SPDX-License-Identifier: Apache-2.0
//
// management.requests_per_second, as clients meet it.
#include <thread>

#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

class RequestLimitRestTest : public RestTest {
 protected:
  RequestLimitRestTest() {
    End();
    management_ = "requests_per_second = 2\n";
    Begin();
  }
  std::unique_ptr<httplib::SSLClient> Other(const std::string& token = "") {
    auto client = std::make_unique<httplib::SSLClient>("127.0.0.1", server_->port());
    client->set_ca_cert_path((folder_ / "state/ca.pem").c_str());
    client->enable_server_certificate_verification(true);
    client->set_keep_alive(true);
    BePatient(*client);
    if (!token.empty()) client->set_bearer_token_auth(token);
    return client;
  }
  // Asks until it is refused; how many were answered with `status` before. Those that a slow
  // computer gains meanwhile are few beside the bound.
  static int AnsweredBefore(httplib::SSLClient& client, const char* path, int status,
                            httplib::Response& refused) {
    for (int answered = 0; answered < 500; ++answered) {
      const auto answer = client.Get(path);
      if (!answer) return -1;
      if (answer->status != status) {
        refused = *answer;
        return answered;
      }
    }
    return 500;
  }
};

TEST_F(RequestLimitRestTest, OneTokenIsRefusedAndAnotherIsServed) {
  const std::string token = MakeToken("loop --role viewer");
  const auto loop = Other(token);
  httplib::Response refused;
  const int answered = AnsweredBefore(*loop, "/api/v1/whoami", 200, refused);
  EXPECT_GE(answered, 20);
  EXPECT_LT(answered, 500);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.get_header_value("Retry-After"), "1");
  EXPECT_THAT(refused.body, HasSubstr("more than 2 requests a second of token loop"));
  EXPECT_THAT(refused.body, HasSubstr("raise management.requests_per_second"));
  EXPECT_EQ(client_->Get("/api/v1/whoami")->status, 200) << "the same address, another token";
  EXPECT_EQ(Other()->Get("/api/v1/health")->status, 200);
  // It waits, as it was told, and goes on.
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_EQ(loop->Get("/api/v1/whoami")->status, 200);
  EXPECT_THAT(client_->Get("/metrics")->body, HasSubstr("slipway_requests_refused_total "));
}

TEST_F(RequestLimitRestTest, WhoShowsNothingValidIsItsAddress) {
  httplib::Response refused;
  const auto stranger = Other();
  EXPECT_GE(AnsweredBefore(*stranger, "/api/v1/whoami", 401, refused), 20);
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body, HasSubstr("requests a second of 127.0.0.1"));
  // What is open to all is no way round it, but for what was gained meanwhile; a token of the same
  // address is.
  refused = httplib::Response();
  EXPECT_LT(AnsweredBefore(*stranger, "/api/v1/health", 200, refused), 20);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(client_->Get("/api/v1/whoami")->status, 200);
}

TEST_F(RequestLimitRestTest, ARegistryClientIsToldInItsSpecificationsWords) {
  const auto pusher = Other(MakeToken("pusher --role operator"));
  httplib::Response refused;
  EXPECT_GE(AnsweredBefore(*pusher, "/v2/", 200, refused), 20);
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body, HasSubstr("TOOMANYREQUESTS"));
}

TEST_F(RestTest, RequestsAreNotLimitedWhereNothingIsSaid) {
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client_->Get("/api/v1/whoami")->status, 200) << i;
}

}  // namespace
}  // namespace slipway::control
