// SPDX-License-Identifier: Apache-2.0
//
// Webhooks against receivers of our own over TLS: signed, sent again, given up, and kept apart.
#include "control/events/webhooks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <mutex>
#include <thread>

#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

struct Received {
  std::string id;
  std::string timestamp;
  std::string signature;
  std::string body;
  bool taken = true;  // answered with 204

  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
};

class Receiver {
 public:
  Receiver(const std::filesystem::path& folder, const tls::Certificate& certificate)
      : server_(Written(folder / "receiver.pem", certificate.chain_pem).c_str(),
                Written(folder / "receiver.key", certificate.private_key_pem).c_str()) {
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      ++asked;
      while (hang) std::this_thread::sleep_for(1ms);
      const std::scoped_lock lock(mutex_);
      received_.push_back({request.get_header_value("webhook-id"),
                           request.get_header_value("webhook-timestamp"),
                           request.get_header_value("webhook-signature"), request.body,
                           refusals.fetch_sub(1) <= 0});
      response.status = received_.back().taken ? 204 : refusal.load();
      response.set_header("Location", "/elsewhere");
    });
    server_.Post("/elsewhere", [this](const auto&, auto&) { led_on = true; });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Receiver() {
    hang = false;
    server_.stop();
    thread_.join();
  }

  std::string Url() const { return Text("https://127.0.0.1:", port_, "/hook"); }
  std::vector<Received> Await(std::size_t count) {
    for (int i = 0; i < 6000; ++i) {
      {
        const std::scoped_lock lock(mutex_);
        if (received_.size() >= count) return received_;
      }
      std::this_thread::sleep_for(10ms);
    }
    ADD_FAILURE() << "only " << received_.size() << " of " << count << " came";
    return {};
  }

  std::atomic<int> asked{0};
  std::atomic<int> refusals{0};
  std::atomic<int> refusal{500};
  std::atomic<bool> hang{false};
  std::atomic<bool> led_on{false};

 private:
  static std::string Written(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
    return path.string();
  }

  httplib::SSLServer server_;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<Received> received_;
  std::thread thread_;
};

class WebhooksTest : public RestTest {
 protected:
  static constexpr WebhookPace kQuick{.first = 5ms, .most = 20ms, .give_up = 60s};

  std::unique_ptr<Receiver> MakeReceiver() {
    return std::make_unique<Receiver>(folder_, *core_->certificates().management_certificate());
  }
  WebhookRecord To(const Receiver& receiver, const std::string& name = "ops") const {
    WebhookRecord webhook{.name = name, .url = receiver.Url(), .filter = {}};
    webhook.filter.kinds = {FeedKind::kLink};
    webhook.ca = core_->certificates().authorities()->issuing.certificate_pem;
    return webhook;
  }
  // What it answered with 204, once that is so much.
  static std::vector<Received> Taken(Receiver& receiver, std::size_t count) {
    std::vector<Received> taken;
    Await([&] {
      taken = receiver.Await(0);
      std::erase_if(taken, [](const Received& each) { return !each.taken; });
      return taken.size() >= count;
    });
    return taken;
  }
  // The nth thing happens.
  void Happens(int n) { core_->feed().Publish(LinkEvent(Text("port", n), true, n)); }
  static std::vector<std::string> Ports(const std::vector<Received>& received) {
    std::vector<std::string> ports;
    for (const Received& each : received) {
      const auto json = each.json();
      ports.push_back(json["data"].contains("port") ? json["data"].value("port", "")
                                                    : json.value("type", "") + json["data"].dump());
    }
    return ports;
  }
  template <class Condition>
  static bool Await(Condition condition) {
    for (int i = 0; i < 6000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
    return condition();
  }
  static WebhookCounts CountsOf(const Webhooks& webhooks) {
    return webhooks.States()->at(0).counts;
  }
};

// The example of the specification, "Verifying signatures".
TEST(WebhookSignatureTest, IsThatOfStandardWebhooks) {
  const WebhookMessage message{.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                               .body = R"({"test": 2432232314})"};
  constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  EXPECT_EQ(WebhookSignature(kSecret, message, 1614265330),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_NE(WebhookSignature(kSecret, message, 1614265331),
            WebhookSignature(kSecret, message, 1614265330));
  EXPECT_EQ(WebhookSignature("MfKQ", message, 1), "");
  const std::string secret = MakeWebhookSecret();
  EXPECT_TRUE(secret.starts_with("whsec_"));
  EXPECT_THAT(secret, SizeIs(6 + 44));
  EXPECT_NE(secret, MakeWebhookSecret());
}

TEST(WebhookMessageTest, HasTypeTimeAndData) {
  FeedEvent event = LinkEvent("net0", false, 1'790'000'000'123'456'789);
  event.id = 17;
  const WebhookMessage message = MessageOf(event);
  EXPECT_EQ(message.id, "event_17");
  const auto body = nlohmann::json::parse(message.body);
  EXPECT_EQ(body["type"], "link");
  EXPECT_EQ(body["timestamp"], "2026-09-21T14:13:20.123Z");
  EXPECT_EQ(body["data"]["port"], "net0");
}

TEST_F(WebhooksTest, ByTheCommandLineAddedTestedToldListedAndRemoved) {
  const auto receiver = MakeReceiver();
  const std::string ca = (folder_ / "state/ca.pem").string();
  const Ran added = Slipway(Text("--json webhook add ops ", receiver->Url(),
                                 " --kind boot,link --mac 52:54:00:00:00:01 --receiver-ca ", ca));
  ASSERT_EQ(added.code, 0) << added.text;
  const std::string secret = nlohmann::json::parse(added.text)["secret"];
  const Ran tested = Slipway("webhook test ops");
  EXPECT_EQ(tested.code, 0) << tested.text;
  EXPECT_EQ(tested.text, "ops: delivered, answered 204\n");
  const auto noted = nlohmann::json::parse(client_->Get("/api/v1/audit?limit=1")->body)[0];
  EXPECT_EQ(noted["what"], "webhook ops test");
  EXPECT_EQ(noted["after"]["delivered"], true);

  dataplane::Event event;
  event.kind = dataplane::EventKind::kDhcpDiscover;
  event.unix_nanoseconds = 1'790'000'000'000'000'000;
  event.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 2}};  // another's
  core_->timelines().Take(event);
  event.mac.octets[5] = 1;
  core_->timelines().Take(event);
  const auto received = receiver->Await(2);
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_EQ(received[0].json()["type"], "test");
  const auto boot = received[1].json();
  EXPECT_EQ(boot["type"], "boot");
  EXPECT_EQ(boot["data"]["mac"], "52:54:00:00:00:01");
  EXPECT_EQ(SchemaChecker(api_).Mismatch(boot["data"], JsonSchemaOf("Boot")), std::nullopt);
  for (const Received& each : received) {
    EXPECT_EQ(each.signature,
              WebhookSignature(secret, {each.id, each.body}, std::stoll(each.timestamp)));
    EXPECT_NEAR(static_cast<double>(std::stoll(each.timestamp)),
                static_cast<double>(std::time(nullptr)), 60);
  }

  // The secret was shown once, and is nowhere else to be had.
  EXPECT_TRUE(Await([&] {
    return nlohmann::json::parse(client_->Get("/api/v1/webhooks")->body)[0]["delivered"] == 1;
  }));
  for (const char* path : {"/api/v1/webhooks", "/api/v1/audit"}) {
    EXPECT_THAT(client_->Get(path)->body,
                AllOf(HasSubstr("ops"), Not(HasSubstr("whsec")), Not(HasSubstr(secret.substr(6)))));
  }
  const std::string url = receiver->Url();  // whose path may be a secret, and operators read this
  EXPECT_THAT(client_->Get("/api/v1/audit")->body,
              AllOf(HasSubstr(url.substr(0, url.rfind('/'))), Not(HasSubstr(url))));
  const Ran list = Slipway("webhook list");
  EXPECT_THAT(list.text, AllOf(HasSubstr("ops"), HasSubstr("boot link")));
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr("slipway_webhook_messages_total{webhook=\"ops\",outcome=\"delivered\"} 1"));
  // Nobody else may look at the catalog's file.
  const auto mode = std::filesystem::status(folder_ / "state/catalog.db").permissions();
  EXPECT_EQ(mode & std::filesystem::perms(0077), std::filesystem::perms::none);

  EXPECT_EQ(Slipway(Text("webhook add ops ", receiver->Url())).code, 1);
  EXPECT_EQ(Slipway("webhook rm ops").code, 0);
  EXPECT_EQ(Slipway("webhook test ops").code, 1);
  EXPECT_EQ(Slipway("webhook rm ops").code, 1);
}

TEST_F(WebhooksTest, OnlyAdminsAndOnlyWhatCanBeSent) {
  const auto receiver = MakeReceiver();
  client_->set_bearer_token_auth(MakeToken("ci --role operator"));
  EXPECT_EQ(client_->Get("/api/v1/webhooks")->status, 403);
  const std::string good = nlohmann::json({{"url", receiver->Url()}}).dump();
  EXPECT_EQ(client_->Put("/api/v1/webhooks/a", good, "application/json")->status, 403);
  client_->set_bearer_token_auth(core_->token().text);
  const auto refusal = [&](const nlohmann::json& body, const std::string& name = "a") {
    return client_->Put("/api/v1/webhooks/" + name, body.dump(), "application/json")->status;
  };
  EXPECT_EQ(refusal({{"url", "http://127.0.0.1/hook"}}), 400);
  EXPECT_EQ(refusal({{"url", "https://127.0.0.1/a b"}}), 400);
  EXPECT_EQ(refusal({{"url", "https://127.0.0.1/a\r\nHost: x"}}), 400);
  EXPECT_EQ(refusal({{"url", "https://user@127.0.0.1/"}}), 400);
  EXPECT_EQ(refusal({{"url", 7}}), 400);
  EXPECT_EQ(refusal(nlohmann::json::object()), 400);
  EXPECT_EQ(refusal({{"url", receiver->Url()}, {"kinds", {"step", "all"}}}), 400);
  EXPECT_EQ(refusal({{"url", receiver->Url()}, {"kinds", nlohmann::json::array()}}), 400);
  EXPECT_EQ(refusal({{"url", receiver->Url()}, {"mac", "here"}}), 400);
  EXPECT_EQ(refusal({{"url", receiver->Url()}, {"ca", "no certificate"}}), 400);
  EXPECT_EQ(refusal({{"url", receiver->Url()}, {"secret", "mine"}}), 400);
  EXPECT_EQ(refusal({{"url", receiver->Url()}}, "a%20b"), 400);
  EXPECT_EQ(client_->Post("/api/v1/webhooks/none/test")->status, 404);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(refusal({{"url", receiver->Url()}}, Text("w", i)), 201);
  EXPECT_EQ(refusal({{"url", receiver->Url()}}, "w16"), 409) << "no disk is full";
}

TEST_F(WebhooksTest, IsSentAgainUntilItArrivesAndInOrder) {
  const auto receiver = MakeReceiver();
  Webhooks webhooks(*core_, kQuick);
  ASSERT_TRUE(webhooks.Add(To(*receiver), DaemonActor()).ok());
  receiver->refusals = 3;
  Happens(1);
  Happens(2);
  const auto received = receiver->Await(5);
  EXPECT_THAT(Ports(received), ElementsAre("port1", "port1", "port1", "port1", "port2"));
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(received[i].id, received[0].id);
  EXPECT_NE(received[4].id, received[0].id);
  EXPECT_TRUE(Await([&] { return CountsOf(webhooks).delivered == 2; }));
  EXPECT_EQ(CountsOf(webhooks).failures, 3U);
  EXPECT_EQ(CountsOf(webhooks).given_up, 0U);
}

TEST_F(WebhooksTest, WhatIsGivenUpIsCountedAndTold) {
  const auto receiver = MakeReceiver();
  // So long the third has as well, to be delivered.
  Webhooks webhooks(*core_, {.first = 5ms, .most = 20ms, .give_up = 6s});
  ASSERT_TRUE(webhooks.Add(To(*receiver), DaemonActor()).ok());
  receiver->refusals = 1'000'000;
  Happens(1);
  Happens(2);
  EXPECT_TRUE(Await([&] { return CountsOf(webhooks).given_up == 2; }));
  receiver->refusals = 0;
  Happens(3);
  EXPECT_TRUE(Await([&] { return CountsOf(webhooks).delivered == 2; }));
  const auto received = Ports(receiver->Await(3));
  EXPECT_EQ(received[received.size() - 2], R"(gap{"lost":2})");
  EXPECT_EQ(received.back(), "port3");
}

TEST_F(WebhooksTest, NoMoreWaitThanMay) {
  const auto receiver = MakeReceiver();
  Webhooks webhooks(*core_, {.first = 5ms, .most = 20ms, .give_up = 60s, .waiting_max = 3});
  ASSERT_TRUE(webhooks.Add(To(*receiver), DaemonActor()).ok());
  receiver->hang = true;  // with the first
  Happens(1);
  EXPECT_TRUE(Await([&] { return receiver->asked >= 1; }));
  for (int i = 2; i <= 10; ++i) Happens(i);
  // All of them have come to it before the first is sent again.
  EXPECT_TRUE(Await([&] { return CountsOf(webhooks).overflowed == 7; }));
  receiver->refusals = 1;
  receiver->hang = false;
  EXPECT_TRUE(Await([&] { return CountsOf(webhooks).delivered == 4; }));
  const auto received = Ports(receiver->Await(5));
  EXPECT_EQ(std::vector(received.end() - 4, received.end()),
            (std::vector<std::string>{R"(gap{"lost":7})", "port8", "port9", "port10"}));
  EXPECT_EQ(CountsOf(webhooks).overflowed, 7U);
}

TEST_F(WebhooksTest, OneThatHangsHoldsUpNobodyAndEndsAtOnce) {
  const auto slow = MakeReceiver();
  const auto other = MakeReceiver();
  auto webhooks = std::make_unique<Webhooks>(*core_, kQuick);
  ASSERT_TRUE(webhooks->Add(To(*slow, "a"), DaemonActor()).ok());
  ASSERT_TRUE(webhooks->Add(To(*other, "b"), DaemonActor()).ok());
  slow->hang = true;
  for (int i = 1; i <= 3; ++i) Happens(i);
  EXPECT_THAT(Ports(other->Await(3)), ElementsAre("port1", "port2", "port3"));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(webhooks->Remove("a", DaemonActor()).ok());
  Happens(4);
  other->Await(4);
  webhooks.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 8s) << "an answer is waited for 10 s";
}

TEST_F(WebhooksTest, WhomItDoesNotTrustItTellsNothing) {
  const auto receiver = MakeReceiver();
  Webhooks webhooks(*core_, kQuick);
  WebhookRecord webhook = To(*receiver);
  webhook.ca.clear();  // the system's authorities do not know ours
  ASSERT_TRUE(webhooks.Add(webhook, DaemonActor()).ok());
  const auto attempt = webhooks.Test("ops", DaemonActor());
  ASSERT_TRUE(attempt.ok());
  EXPECT_FALSE(attempt->delivered());
  EXPECT_THAT(attempt->error, HasSubstr("not trusted"));
  EXPECT_THAT(receiver->Await(0), IsEmpty());
  // Somebody else's authority is no better, and another name than the certificate's neither.
  WebhookRecord by_name = To(*receiver, "name");
  by_name.url.replace(by_name.url.find("127.0.0.1"), 9, "127.0.0.2");
  ASSERT_TRUE(webhooks.Add(by_name, DaemonActor()).ok());
  EXPECT_FALSE(webhooks.Test("name", DaemonActor())->delivered());
  EXPECT_THAT(receiver->Await(0), IsEmpty());
}

TEST_F(WebhooksTest, ARedirectIsNotFollowed) {
  const auto receiver = MakeReceiver();
  Webhooks webhooks(*core_, kQuick);
  ASSERT_TRUE(webhooks.Add(To(*receiver), DaemonActor()).ok());
  receiver->refusal = 307;
  receiver->refusals = 1;
  const auto attempt = webhooks.Test("ops", DaemonActor());
  EXPECT_EQ(attempt->status, 307);
  EXPECT_FALSE(attempt->delivered());
  EXPECT_FALSE(receiver->led_on);
}

TEST_F(WebhooksTest, GoOnAfterARestartWithTheSameSecret) {
  const auto receiver = MakeReceiver();
  std::string secret;
  {
    Webhooks before(*core_, kQuick);
    secret = before.Add(To(*receiver), DaemonActor())->secret;
  }
  const Webhooks after(*core_, kQuick);
  Happens(1);
  const auto received = receiver->Await(2);
  // Whether something was missed between the two is not known.
  EXPECT_THAT(Ports(received), ElementsAre(R"(gap{"lost":null})", "port1"));
  EXPECT_EQ(received[0].signature, WebhookSignature(secret, {received[0].id, received[0].body},
                                                    std::stoll(received[0].timestamp)));
}

TEST_F(WebhooksTest, WhatWaitedIsSentAfterARestartWithTheIdsThatItHad) {
  const auto receiver = MakeReceiver();
  receiver->refusals = 1'000'000;
  {
    Webhooks before(*core_, kQuick);
    ASSERT_TRUE(before.Add(To(*receiver), DaemonActor()).ok());
    Happens(1);
    Happens(2);
    EXPECT_TRUE(Await([&] { return CountsOf(before).waiting == 2; }));
    receiver->Await(2);
  }
  const std::string id = receiver->Await(1).front().id;
  receiver->refusals = 0;
  const Webhooks after(*core_, kQuick);
  Happens(3);
  const auto taken = Taken(*receiver, 4);
  EXPECT_THAT(Ports(taken), ElementsAre("port1", "port2", R"(gap{"lost":null})", "port3"));
  EXPECT_EQ(taken.front().id, id);
  EXPECT_TRUE(Await([&] { return CountsOf(after).waiting == 0; }));
}

// One that hangs keeps the thread that sends, not the one that writes down.
TEST_F(WebhooksTest, WhatHappensWhileAReceiverHangsIsKeptAsWell) {
  const auto receiver = MakeReceiver();
  {
    Webhooks before(*core_, kQuick);
    ASSERT_TRUE(before.Add(To(*receiver), DaemonActor()).ok());
    receiver->hang = true;
    Happens(1);
    Happens(2);
    EXPECT_TRUE(Await([&] { return receiver->asked == 1 && CountsOf(before).waiting == 2; }));
    Happens(3);  // and the end is at once
  }
  receiver->hang = false;
  receiver->Await(1);  // of the run before, whose answer nobody heard
  const Webhooks after(*core_, kQuick);
  const auto taken = Taken(*receiver, 4);
  EXPECT_THAT(Ports(taken), ElementsAre("port1", "port1", "port2", "port3"));
  EXPECT_EQ(taken[0].id, taken[1].id);
}

TEST_F(WebhooksTest, WhatWaitedForOneThatWasRemovedIsNobodysAfterwards) {
  const auto receiver = MakeReceiver();
  receiver->refusals = 1'000'000;
  {
    Webhooks before(*core_, kQuick);
    ASSERT_TRUE(before.Add(To(*receiver), DaemonActor()).ok());
    Happens(1);
    EXPECT_TRUE(Await([&] { return CountsOf(before).waiting == 1; }));
    ASSERT_TRUE(before.Remove("ops", DaemonActor()).ok());
    ASSERT_TRUE(before.Add(To(*receiver), DaemonActor()).ok());
    Happens(2);
    EXPECT_TRUE(Await([&] { return CountsOf(before).waiting == 1; }));
  }
  receiver->refusals = 0;
  const Webhooks after(*core_, kQuick);
  EXPECT_THAT(Ports(Taken(*receiver, 1)), ElementsAre("port2"));
}

// Sends a byte every few milliseconds for ever: of the headers of its answer or, where it is no TLS
// server, of a handshake.
class Dripper {
 public:
  Dripper(const std::filesystem::path& folder, const tls::Certificate* certificate)
      : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (certificate != nullptr) {
      std::ofstream(folder / "drip.pem") << certificate->chain_pem;
      std::ofstream(folder / "drip.key") << certificate->private_key_pem;
      context_.reset(SSL_CTX_new(TLS_server_method()));
      SSL_CTX_use_certificate_chain_file(context_.get(), (folder / "drip.pem").c_str());
      SSL_CTX_use_PrivateKey_file(context_.get(), (folder / "drip.key").c_str(), SSL_FILETYPE_PEM);
    }
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Drip(::accept(listener_, nullptr, nullptr)); });
  }
  ~Dripper() {
    is_over_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string Url() const { return Text("https://127.0.0.1:", port_, "/hook"); }

 private:
  void Drip(int socket) {
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl(nullptr, SSL_free);
    // A record of a handshake that never has its 16,384 bytes.
    std::string text("\x16\x03\x03\x40\x00", 5);
    if (context_) {
      ssl.reset(SSL_new(context_.get()));
      SSL_set_fd(ssl.get(), socket);
      SSL_accept(ssl.get());
      text = "HTTP/1.1 204 No Content\r\nX-Long: ";
    }
    for (std::size_t i = 0; !is_over_; ++i) {
      const char byte = i < text.size() ? text[i] : 'x';
      const auto sent = ssl ? SSL_write(ssl.get(), &byte, 1)
                            : static_cast<int>(::send(socket, &byte, 1, MSG_NOSIGNAL));
      if (sent <= 0) break;
      std::this_thread::sleep_for(20ms);
    }
    ::close(socket);
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  int listener_;
  int port_ = 0;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

TEST_F(WebhooksTest, AReceiverThatDripsIsWaitedForNoLongerThanATryMayTake) {
  const auto certificate = core_->certificates().management_certificate();
  Webhooks webhooks(*core_, {.try_for = 1000ms});
  for (const bool in_headers : {true, false}) {
    const Dripper dripper(folder_, in_headers ? certificate.get() : nullptr);
    WebhookRecord webhook{.name = in_headers ? "a" : "b", .url = dripper.Url(), .filter = {}};
    webhook.ca = core_->certificates().authorities()->issuing.certificate_pem;
    ASSERT_TRUE(webhooks.Add(webhook, DaemonActor()).ok());
    const auto start = std::chrono::steady_clock::now();
    const auto attempt = webhooks.Test(webhook.name, DaemonActor());
    ASSERT_TRUE(attempt.ok());
    EXPECT_EQ(attempt->error, "no answer within 1 s");
    EXPECT_LT(std::chrono::steady_clock::now() - start, 9s);
  }
}

}  // namespace
}  // namespace slipway::control
