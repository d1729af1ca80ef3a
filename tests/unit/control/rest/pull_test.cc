// SPDX-License-Identifier: Apache-2.0
//
// Pulls from a registry of our own making that cuts, redirects, asks for tokens and lies.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <thread>

#include "control/registry/pull.h"
#include "control/registry/remote_name.h"
#include "tests/unit/control/rest/registry_fixture.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

// Serves one image set of one file over TLS.
class FakeRegistry {
 public:
  FakeRegistry(const std::filesystem::path& folder, const tls::Certificate& certificate)
      : server_(Written(folder / "fake.pem", certificate.chain_pem).c_str(),
                Written(folder / "fake.key", certificate.private_key_pem).c_str()) {
    server_.set_pre_routing_handler([this](const auto& request, auto& response) {
      const std::scoped_lock lock(mutex_);
      seen_.push_back(Text(request.method, ' ', request.path, ' ',
                           request.get_header_value("Range"), ' ',
                           request.get_header_value("Authorization")));
      const std::string authorization = request.get_header_value("Authorization");
      if (challenge.empty() || request.path == "/token" || authorization == accepted) {
        return httplib::Server::HandlerResponse::Unhandled;
      }
      response.status = 401;
      response.set_header("WWW-Authenticate", challenge);
      return httplib::Server::HandlerResponse::Handled;
    });
    server_.Get("/v2/debian/manifests/.*", [this](const auto&, auto& response) {
      response.set_content(manifest, std::string(kManifestType));
    });
    server_.Get("/token", [this](const httplib::Request& request, httplib::Response& response) {
      token_query = request.get_param_value("service") + ' ' + request.get_param_value("scope");
      response.set_content(R"({"token": "tok"})", "application/json");
    });
    server_.Get("/v2/debian/blobs/(.*)",
                [this](const httplib::Request& request, httplib::Response& response) {
                  if (!redirect.empty()) return response.set_redirect(redirect + request.path, 307);
                  Give(request, response);
                });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~FakeRegistry() {
    server_.stop();
    thread_.join();
  }

  std::string Address() const { return Text("127.0.0.1:", port_); }
  std::vector<std::string> Seen() {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }

  std::string manifest;
  std::map<std::string, std::string> blobs;  // by digest
  std::string challenge;                     // of the first answer; empty: everybody may
  std::string accepted;
  std::string redirect;
  std::string token_query;
  std::atomic<int> cuts{0};  // answers that end after 300,000 bytes

 private:
  static std::string Written(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
    return path.string();
  }
  void Give(const httplib::Request& request, httplib::Response& response) {
    const std::string& bytes = blobs[request.matches[1]];
    const bool cut = cuts.fetch_sub(1) > 0;
    response.set_content_provider(
        bytes.size(), "application/octet-stream",
        [&bytes, cut, sent = std::size_t{0}](std::size_t offset, std::size_t length,
                                             httplib::DataSink& sink) mutable {
          if (cut && sent >= 300000) return false;
          const std::size_t piece = std::min<std::size_t>(length, 50000);
          sent += piece;
          return sink.write(bytes.data() + offset, piece);
        });
  }

  httplib::SSLServer server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<std::string> seen_;
};

// Takes connections, and never says a word of TLS.
class SilentRegistry {
 public:
  SilentRegistry() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* const general = reinterpret_cast<sockaddr*>(&address_);
    EXPECT_EQ(::bind(listener_, general, size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    EXPECT_EQ(::getsockname(listener_, general, &size), 0);
  }
  ~SilentRegistry() { ::close(listener_); }
  SilentRegistry(const SilentRegistry&) = delete;
  SilentRegistry& operator=(const SilentRegistry&) = delete;

  std::string Address() const { return Text("127.0.0.1:", ntohs(address_.sin_port)); }
  // Until somebody has connected.
  void Await() const {
    pollfd wait{.fd = listener_, .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&wait, 1, 60'000), 1);
  }

 private:
  const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address_{};
};

class PullTest : public RegistryTest {
 protected:
  PullTest() : boot_(std::string(70000, 'b') + std::string(900000, 'c')) {
    fake_ =
        std::make_unique<FakeRegistry>(folder_, *core_->certificates().management_certificate());
    fake_->manifest = SetManifest(boot_);
    fake_->blobs = {{DigestOf("{}"), "{}"}, {DigestOf(boot_), boot_}};
  }
  // The job as it ended.
  nlohmann::json Pull(const std::string& source, nlohmann::json more = nlohmann::json::object()) {
    more["source"] = source;
    if (!more.contains("ca"))
      more["ca"] = core_->certificates().authorities()->issuing.certificate_pem;
    const auto begun = client_->Post("/api/v1/images/pull", more.dump(), "application/json");
    if (begun->status != 202) return {{"state", "refused"}, {"error", begun->body}};
    while (true) {
      const auto job =
          nlohmann::json::parse(client_->Get(begun->get_header_value("Location"))->body);
      if (job["state"] != "running") return job;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  httplib::Result BeginPull(const std::string& source) {
    const nlohmann::json body = {{"source", source}};
    return client_->Post("/api/v1/images/pull", body.dump(), "application/json");
  }
  std::string Source() const { return fake_->Address() + "/debian:12"; }

  std::string boot_;
  std::unique_ptr<FakeRegistry> fake_;
};

TEST(RemoteName, IsReadAsItIsWritten) {
  const auto plain = RemoteName::Parse("registry.example.net/site/debian:12");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "registry.example.net");
  EXPECT_EQ(plain->port, 443);
  EXPECT_EQ(plain->repository, "site/debian");
  EXPECT_EQ(plain->Reference(), "12");
  const std::string digest(64, 'a');
  const auto exact = RemoteName::Parse(Text("10.0.0.1:5000/debian@sha256:", digest));
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->port, 5000);
  EXPECT_EQ(exact->Reference(), "sha256:" + digest);
  EXPECT_EQ(RemoteName::Parse("host/debian")->tag, "latest");
  for (const char* wrong : {"debian:12", "", "/debian", "host/", "host/Debian:1", "host:0/a:1",
                            "host:99999/a", "host:x/a", "host/a:", "host/a@sha256:12",
                            "host/a@sha512:00", "ho st/a", "https://host/a", "user@host/a"}) {
    EXPECT_FALSE(RemoteName::Parse(wrong)) << wrong;
  }
}

TEST(Challenge, GivesItsSchemeAndParameters) {
  const auto bearer =
      ParseChallenge(R"(Bearer realm="https://auth.example/token",service="a \"b\"", scope=x)");
  ASSERT_TRUE(bearer);
  EXPECT_EQ(bearer->scheme, "bearer");
  EXPECT_THAT(bearer->parameters,
              UnorderedElementsAre(Pair("realm", "https://auth.example/token"),
                                   Pair("service", "a \"b\""), Pair("scope", "x")));
  EXPECT_EQ(ParseChallenge("Basic realm=\"x\"")->scheme, "basic");
  EXPECT_FALSE(ParseChallenge(""));
  EXPECT_TRUE(ParseChallenge("Bearer realm=\"never closed"));
  EXPECT_EQ(ParseSecureUrl("https://a.example:8443/token?x=1#y")->target, "/token?x=1");
  EXPECT_FALSE(ParseSecureUrl("http://a.example/token"));
}

TEST_F(PullTest, BringsAnImageSetInAndItIsBooted) {
  const auto job = Pull(Source(), {{"reference", "debian:stable"}});
  ASSERT_EQ(job["state"], "done") << job.dump();
  EXPECT_EQ("sha256:" + std::string(job["digest"]), DigestOf(fake_->manifest));
  EXPECT_EQ(job["bytes"], boot_.size() + 2);
  EXPECT_EQ(job["bytes_total"], boot_.size() + 2);
  EXPECT_EQ(client_->Get("/v2/debian/manifests/stable")->body, fake_->manifest);
  EXPECT_NE(snapshot_->images.Find("/debian/stable/boot.efi"), nullptr);
  EXPECT_THAT(Incoming(), IsEmpty());
  EXPECT_THAT(client_->Get("/api/v1/audit")->body, HasSubstr("image debian:stable"));
  // Named by its digest, as it is called there.
  EXPECT_EQ(Pull(Text(fake_->Address(), "/debian@", DigestOf(fake_->manifest)))["state"], "done");
  EXPECT_EQ(client_->Get("/v2/debian/manifests/latest")->body, fake_->manifest);
}

TEST_F(PullTest, GoesOnWhereTheWireBroke) {
  fake_->cuts = 2;
  const auto job = Pull(Source());
  ASSERT_EQ(job["state"], "done") << job.dump();
  EXPECT_GE(job["bytes_resumed"], 50000);
  int ranges = 0;
  for (const std::string& request : fake_->Seen()) {
    if (request.find("bytes=") != std::string::npos) ++ranges;
  }
  EXPECT_GE(ranges, 1);
}

TEST_F(PullTest, GivesCredentialsWhereTheyAreAskedForAndNowhereElse) {
  FakeRegistry store(folder_, *core_->certificates().management_certificate());
  store.blobs = fake_->blobs;
  fake_->redirect = "https://" + store.Address();
  fake_->challenge = "Basic realm=\"x\"";
  fake_->accepted = "Basic dXNlcjpzZWNyZXQ=";
  const auto refused = Pull(Source());
  EXPECT_EQ(refused["state"], "failed");
  EXPECT_THAT(std::string(refused["error"]), HasSubstr("--registry-credentials"));
  const auto job = Pull(Source(), {{"user", "user"}, {"password", "secret"}});
  ASSERT_EQ(job["state"], "done") << job.dump();
  for (const std::string& request : store.Seen()) {
    EXPECT_EQ(request.find("Basic"), request.npos) << request;
  }
  EXPECT_EQ(job.dump().find("secret"), std::string::npos);
}

TEST_F(PullTest, WhatIsOverHoldsNoCredentials) {
  fake_->challenge = "Basic realm=\"registry\"";
  fake_->accepted = "Basic dXNlcjpzZWNyZXQ=";
  RemoteRegistry remote(*RemoteName::Parse(Source()),
                        {.ca_pem = core_->certificates().authorities()->issuing.certificate_pem,
                         .user = "user",
                         .password = "secret"});
  EXPECT_TRUE(remote.Manifest().ok());
  EXPECT_TRUE(remote.holds_credentials());
  remote.ForgetCredentials();
  EXPECT_FALSE(remote.holds_credentials());
  EXPECT_FALSE(remote.Manifest().ok()) << "it is over";
  Pull(Source(), {{"user", "user"}, {"password", "secret"}});
  EXPECT_THAT(client_->Get("/api/v1/pulls")->body, testing::Not(HasSubstr("secret")));
}

TEST_F(PullTest, AsksTheTokenServiceThatTheRegistryNames) {
  fake_->challenge = Text("Bearer realm=\"https://", fake_->Address(),
                          "/token\",service=\"the registry\",scope=\"repository:debian:pull\"");
  fake_->accepted = "Bearer tok";
  const auto job = Pull(Source());
  ASSERT_EQ(job["state"], "done") << job.dump();
  EXPECT_EQ(fake_->token_query, "the registry repository:debian:pull");
}

TEST_F(PullTest, WhatIsNotWhatItShouldBeIsRefusedAndLeavesNothing) {
  fake_->blobs[DigestOf(boot_)][5] = 'x';
  const auto changed = Pull(Source());
  EXPECT_EQ(changed["state"], "failed");
  EXPECT_THAT(std::string(changed["error"]), HasSubstr("its bytes are sha256:"));
  fake_->blobs[DigestOf(boot_)] = boot_ + "more";
  EXPECT_THAT(std::string(Pull(Source())["error"]), HasSubstr("more bytes than"));
  EXPECT_THAT(Incoming(), ElementsAre("blob-" + DigestOf("{}").substr(7)));
  fake_->manifest = "{}";
  EXPECT_EQ(Pull(Source())["state"], "failed");
  const std::string digest = Text("sha256:", std::string(64, '0'));
  EXPECT_THAT(std::string(Pull(Text(fake_->Address(), "/debian@", digest))["error"]),
              HasSubstr("other bytes than its digest names"));
  EXPECT_THAT(std::string(Pull(Source(), {{"ca", ""}})["error"]), HasSubstr("--registry-ca"));
  EXPECT_EQ(Pull("debian:12")["state"], "refused");
  EXPECT_THAT(*core_->Images(), IsEmpty());
}

TEST_F(PullTest, OneThatHangsIsStoppedAtOnceAndHoldsUpNobody) {
  const SilentRegistry silent;
  const auto begun = BeginPull(silent.Address() + "/debian:12");
  ASSERT_EQ(begun->status, 202) << begun->body;
  const std::string path = begun->get_header_value("Location");
  silent.Await();
  const auto start = std::chrono::steady_clock::now();
  const auto stopped = client_->Delete(path);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->status, 204);
  EXPECT_EQ(client_->Get("/api/v1/pulls")->status, 200);
  nlohmann::json job;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    job = nlohmann::json::parse(client_->Get(path)->body);
  } while (job["state"] == "running" &&
           std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(9))
      << "a handshake is waited for 10 s";
  EXPECT_EQ(job["state"], "failed");
  EXPECT_EQ(job["error"], "stopped");
  const auto audit = nlohmann::json::parse(client_->Get("/api/v1/audit")->body);
  EXPECT_EQ(audit[0]["what"], Text("pull ", job["id"].get<int>()));
  EXPECT_EQ(audit[0]["who"], "token admin");
  EXPECT_EQ(audit[0]["before"]["source"], silent.Address() + "/debian:12");
}

TEST_F(PullTest, TheSameThatIsUnderWayIsNotBegunAgainAndNoMoreThanFourAre) {
  const SilentRegistry silent;
  std::set<std::string> paths;
  for (int i = 1; i <= 4; ++i) {
    const std::string source = Text(silent.Address(), "/debian:", i);
    const auto begun = BeginPull(source);
    ASSERT_EQ(begun->status, 202) << begun->body;
    paths.insert(begun->get_header_value("Location"));
    const auto again = BeginPull(source);
    EXPECT_EQ(again->status, 202) << "the fourth too: it takes no place";
    EXPECT_EQ(again->get_header_value("Location"), begun->get_header_value("Location"));
  }
  EXPECT_EQ(paths.size(), 4u);
  const auto busy = BeginPull(silent.Address() + "/debian:5");
  EXPECT_EQ(busy->status, 503);
  EXPECT_THAT(busy->body, HasSubstr("4 pulls are under way"));
  EXPECT_EQ(busy->get_header_value("Retry-After"), "10");
  for (const std::string& path : paths) EXPECT_EQ(client_->Delete(path)->status, 204);
}

TEST_F(PullTest, TheCommandLinePullsAndTellsHowItWent) {
  const std::string ca = Text(" --registry-ca ", (folder_ / "state/ca.pem").string());
  fake_->challenge = "Basic realm=\"x\"";
  fake_->accepted = "Basic dXNlcjpzZWNyZXQ=";
  std::ofstream(folder_ / "credentials") << "user:secret\n";
  const Ran pulled = Slipway(Text("image pull ", Source(), " as debian:stable", ca,
                                  " --registry-credentials ", (folder_ / "credentials").string()));
  EXPECT_EQ(pulled.code, 0) << pulled.text;
  EXPECT_THAT(pulled.text, HasSubstr("debian:stable: 970002 bytes, sha256:"));
  const Ran refused = Slipway(Text("image pull ", Source(), ca));
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("asks for credentials"));
  EXPECT_EQ(client_->Delete("/api/v1/pulls/99999")->status, 404);
  EXPECT_EQ(client_->Get("/api/v1/pulls/x")->status, 404);
}

}  // namespace
}  // namespace slipway::control
