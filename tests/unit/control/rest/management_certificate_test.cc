// SPDX-License-Identifier: Apache-2.0
//
// The operator's certificates on the management interface, over real TLS: who is shown which, and
// what becomes of connections and of bad files when they change.
#include <openssl/ssl.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/unit/control/rest/rest_fixture.h"
#include "tls/pem.h"

namespace slipway::control {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kName[] = "slipway.example";
constexpr char kTables[] = R"(names = ["localhost", "slipway.example"]
[[management.certificate]]
chain = "site-ecdsa.pem"
key = "site-ecdsa.key"
[[management.certificate]]
chain = "site-rsa.pem"
key = "site-rsa.key"
)";

// What to write into a pair of files.
struct Brought {
  std::string file = "site-ecdsa";
  std::vector<std::string> names = {kName};
  int days = 397;
  tls::KeyType key_type = tls::KeyType::kEcdsaP256;
};

class BroughtCertificateTest : public RestTest {
 protected:
  BroughtCertificateTest() {
    End();
    Bring({}, authority_);
    Bring({.file = "site-rsa", .key_type = tls::KeyType::kRsa2048}, authority_);
    management_ = kTables;
    Begin();
    before_ = core_->certificates().All();
  }

  // The chain, with the authority behind it, and its key.
  void Bring(const Brought& brought, const tls::Authority& authority) {
    const auto issued = tls::IssueServerCertificate(authority, {.key_type = brought.key_type,
                                                                .dns_names = brought.names,
                                                                .ip_addresses = {},
                                                                .days = brought.days});
    const auto& chain = std::get<tls::Certificate>(issued);
    std::ofstream(folder_ / (brought.file + ".pem"))
        << chain.chain_pem << authority.certificate_pem;
    std::ofstream(folder_ / (brought.file + ".key")) << chain.private_key_pem;
  }
  static tls::Authority MakeSite(const std::string& name) {
    return tls::MakeAuthority({.common_name = name, .key_type = tls::KeyType::kEcdsaP256});
  }

  // A client that asks for kName and trusts this authority.
  std::unique_ptr<httplib::SSLClient> Client(const tls::Authority& authority) {
    const auto file = folder_ / Text("trust-", ++clients_, ".pem");
    std::ofstream(file) << authority.certificate_pem;
    auto client = std::make_unique<httplib::SSLClient>(kName, server_->port());
    client->set_hostname_addr_map({{kName, "127.0.0.1"}});
    client->set_ca_cert_path(file.c_str());
    client->enable_server_certificate_verification(true);
    client->set_bearer_token_auth(core_->token().text);
    BePatient(*client);
    return client;
  }
  static bool IsAnswered(httplib::SSLClient& client) {
    const auto result = client.Get("/api/v1/status");
    return result && result->status == 200;
  }

  // The subjects of what a handshake for `name` shows, the server's first; empty: says no name.
  // `signatures`: those that the client takes, so a kind of key.
  std::vector<std::string> Shown(const std::string& name, const char* signatures) const {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                               SSL_CTX_free);
    EXPECT_EQ(SSL_CTX_set1_sigalgs_list(context.get(), signatures), 1);
    const std::unique_ptr<BIO, void (*)(BIO*)> bio(BIO_new_ssl_connect(context.get()),
                                                   BIO_free_all);
    BIO_set_conn_hostname(bio.get(), Text("127.0.0.1:", server_->port()).c_str());
    SSL* ssl = nullptr;
    BIO_get_ssl(bio.get(), &ssl);
    if (!name.empty()) {
      // The macro for it casts in C's way.
      std::string sent = name;
      EXPECT_EQ(SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sent.data()),
                1);
    }
    EXPECT_EQ(BIO_do_handshake(bio.get()), 1) << name << ' ' << signatures;
    std::vector<std::string> subjects;
    const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
      X509* const certificate = sk_X509_value(chain, i);
      const int type = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate));
      const CertificateState state = StateOf({"", tls::ToPem(certificate), ""}, false);
      subjects.push_back(Text(state.subject, type == EVP_PKEY_RSA ? " RSA" : " EC"));
    }
    return subjects;
  }
  // "": they are new; else the words of the command line's error.
  std::string Rotate() {
    const Ran ran = Slipway("cert rotate");
    return ran.code == 0 ? "" : ran.text;
  }
  std::string FingerprintOf(const std::string& name) const {
    for (const CertificateState& each : core_->certificates().All()) {
      if (each.name == name) return each.fingerprint;
    }
    return "none";
  }
  std::string Fingerprint() const { return FingerprintOf((folder_ / "site-ecdsa.pem").string()); }
  std::vector<std::string> Warnings() {
    const auto answer = client_->Get("/api/v1/status");
    return nlohmann::json::parse(answer->body)["warnings"].get<std::vector<std::string>>();
  }

  const tls::Authority authority_ = MakeSite("Site CA");
  std::vector<CertificateState> before_;
  int clients_ = 0;
};

constexpr char kEcdsa[] = "ECDSA+SHA256";
constexpr char kRsa[] = "RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA256";

TEST_F(BroughtCertificateTest, WhoAsksForItsNameIsShownTheChainWholeOfTheKeyItTakes) {
  EXPECT_THAT(Shown(kName, kEcdsa), ElementsAre("CN=slipway.example EC", "CN=Site CA EC"));
  EXPECT_THAT(Shown(kName, kRsa), ElementsAre("CN=slipway.example RSA", "CN=Site CA EC"));
  EXPECT_TRUE(IsAnswered(*Client(authority_)));
  EXPECT_FALSE(IsAnswered(*Client(core_->certificates().authorities()->issuing)))
      << "nor is it of our CA";
}

TEST_F(BroughtCertificateTest, WhoAsksForTheAddressIsShownOursAsBefore) {
  for (const char* name : {"", "127.0.0.1", "localhost"}) {
    EXPECT_THAT(Shown(name, kEcdsa), ElementsAre("CN=localhost EC")) << name;
  }
  EXPECT_TRUE(IsAnswered(*client_));
  const Ran list = Slipway("cert show");
  EXPECT_EQ(list.code, 0) << list.text;
  EXPECT_THAT(list.text, HasSubstr("site-ecdsa.pem"));
  EXPECT_THAT(list.text, HasSubstr("site-rsa.pem"));
  EXPECT_EQ(before_.back().name, "management");
}

TEST_F(BroughtCertificateTest, TheyRotateWithoutARefusedConnection) {
  const tls::Authority next = MakeSite("Next CA");
  // Whoever asks meanwhile trusts both authorities: what it is refused is refused by us.
  std::ofstream(folder_ / "both.pem") << authority_.certificate_pem << next.certificate_pem;
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  std::thread asking([&] {
    while (!stop) {
      httplib::SSLClient other(kName, server_->port());
      other.set_hostname_addr_map({{kName, "127.0.0.1"}});
      other.set_ca_cert_path((folder_ / "both.pem").c_str());
      other.enable_server_certificate_verification(true);
      BePatient(other);
      const auto result = other.Get("/api/v1/health");
      ++(result && result->status == 200 ? answered : refused);
    }
  });
  const auto lasting = Client(authority_);
  lasting->set_keep_alive(true);
  for (int i = 0; i < 5; ++i) {
    const tls::Authority& issuer = i % 2 == 0 ? next : authority_;
    Bring({}, issuer);
    Bring({.file = "site-rsa", .key_type = tls::KeyType::kRsa2048}, issuer);
    const std::string old = Fingerprint();
    const int asked = answered + refused;
    if (i == 0) {
      EXPECT_TRUE(IsAnswered(*lasting));
    }
    const absl::Status status = core_->certificates().Rotate(DaemonActor());
    EXPECT_TRUE(status.ok()) << status;
    // It trusts the first authority alone, so that a connection of now would be refused.
    if (i == 0) {
      EXPECT_TRUE(IsAnswered(*lasting)) << "a connection of before goes on";
    }
    EXPECT_NE(Fingerprint(), old);
    while (answered + refused < asked + 2) std::this_thread::yield();
  }
  stop = true;
  asking.join();
  EXPECT_GE(answered, 10);
  EXPECT_EQ(refused, 0);
  EXPECT_FALSE(IsAnswered(*Client(authority_))) << "what is shown now is the next one's";
  EXPECT_TRUE(IsAnswered(*Client(next)));
  EXPECT_THAT(Slipway("audit list").text, HasSubstr(Fingerprint()));
}

TEST_F(BroughtCertificateTest, ABadFileIsRefusedInWordsAndTheOldChainStays) {
  const std::string file = (folder_ / "site-ecdsa.pem").string();
  const std::string good = Fingerprint();
  const auto is_refused = [&](const std::string& words) {
    EXPECT_THAT(Rotate(), HasSubstr(words));
    EXPECT_EQ(Fingerprint(), good);
    EXPECT_TRUE(IsAnswered(*Client(authority_)));
    EXPECT_THAT(Warnings(), ElementsAre(HasSubstr(words)));
  };
  Bring({.days = -1}, authority_);
  is_refused(file + ": the certificate has expired, on ");
  Bring({.names = {"other.example"}}, authority_);
  is_refused(file + ": does not cover the management name slipway.example; bring a certificate ");
  std::ofstream(file) << "nothing of the kind\n";
  is_refused(file + ": no certificate can be read from it; ");
  // Half copied: the new chain is there, and the key of the old one.
  const std::string key = BytesOf(folder_ / "site-ecdsa.key");
  Bring({}, authority_);
  std::ofstream(folder_ / "site-ecdsa.key") << key;
  is_refused(file + ": the private key does not belong to the first certificate of the chain; ");
  std::filesystem::remove(folder_ / "site-ecdsa.key");
  is_refused((folder_ / "site-ecdsa.key").string() + ": cannot be read");
  Bring({.key_type = tls::KeyType::kRsa2048}, authority_);
  is_refused((folder_ / "site-rsa.pem").string() + ": a second chain with the same type of key; ");
}

TEST_F(BroughtCertificateTest, ARefusalIsAnEventAndAWarningUntilARotationIsDone) {
  core_->AnnounceChanges();
  const std::uint64_t seen = core_->feed().newest();
  Bring({.days = -1}, authority_);
  EXPECT_NE(Rotate(), "");
  EXPECT_THAT(client_->Get("/metrics")->body, HasSubstr("\nslipway_certificates_refused 1\n"));
  EXPECT_THAT(Warnings(), ElementsAre(HasSubstr("the last rotation of certificates was refused")));
  const AuditRecord noted = core_->store().Audit({.limit = 1}).value().front();
  EXPECT_EQ(noted.what, "certificates refused");
  EXPECT_THAT(noted.after, HasSubstr("the certificate has expired"));
  core_->AnnounceChanges();
  const auto told = core_->feed().Read(seen, {.mac = std::nullopt, .kinds = {FeedKind::kChange}},
                                       10, EventFeed::Clock::now());
  ASSERT_EQ(told.events.size(), 1u);
  EXPECT_THAT(DataOf(*told.events.front()), HasSubstr("\"certificates refused\""));
  Bring({}, authority_);
  EXPECT_EQ(Rotate(), "");
  EXPECT_THAT(client_->Get("/metrics")->body, HasSubstr("\nslipway_certificates_refused 0\n"));
  EXPECT_THAT(Warnings(), ElementsAre());
}

TEST_F(BroughtCertificateTest, OneThatHasEndedKeepsNoStartFromSucceedingAndNobodyOut) {
  End();
  Bring({.days = -1}, authority_);
  Bring({.file = "site-rsa", .days = -1, .key_type = tls::KeyType::kRsa2048}, authority_);
  Begin();
  ASSERT_TRUE(core_ != nullptr);
  EXPECT_TRUE(IsAnswered(*client_)) << "by the address";
  EXPECT_TRUE(IsAnswered(*Client(core_->certificates().authorities()->issuing)))
      << "and by the name";
  EXPECT_FALSE(IsAnswered(*Client(authority_)));
  const Ran list = Slipway("cert show");
  EXPECT_THAT(list.text, ContainsRegex("site-ecdsa.pem .*expired"));
  EXPECT_THAT(Warnings(), testing::Contains(ContainsRegex("site-ecdsa.pem has expired; bring")));
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr("\nslipway_management_certificates_out_of_date 2\n"));
  const auto noted = core_->store().Audit({.limit = 2}).value();
  ASSERT_EQ(noted.size(), 2U);
  for (const AuditRecord& record : noted) EXPECT_EQ(record.what, "certificates out of date");
  EXPECT_THAT(noted.back().after, HasSubstr("site-ecdsa.pem: the certificate has expired, on "));
  const std::uint64_t seen = core_->feed().newest();
  core_->AnnounceChanges();
  const auto told = core_->feed().Read(seen, {.mac = std::nullopt, .kinds = {FeedKind::kChange}},
                                       10, EventFeed::Clock::now());
  EXPECT_EQ(told.events.size(), 2U) << "who listens is told as well";
  // Mended where it is needed, over that interface.
  EXPECT_EQ(Rotate(), "") << "it is still the old one, and keeps nothing else from changing";
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr("\nslipway_management_certificates_out_of_date 2\n"));
  Bring({}, authority_);
  Bring({.file = "site-rsa", .key_type = tls::KeyType::kRsa2048}, authority_);
  EXPECT_EQ(Rotate(), "");
  EXPECT_TRUE(IsAnswered(*Client(authority_)));
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr("\nslipway_management_certificates_out_of_date 0\n"));
}

TEST_F(BroughtCertificateTest, WhatElseIsWrongWithOneIsAMistakeAtTheStart) {
  End();
  Bring({.names = {"other.example"}, .days = -1}, authority_);
  const ConfigResult parsed = Parsed();
  EXPECT_FALSE(parsed.config.has_value());
  ASSERT_EQ(parsed.problems.size(), 1U);
  EXPECT_THAT(parsed.problems.front().what, HasSubstr("does not cover the management name"));
}

TEST_F(BroughtCertificateTest, OneThatEndsSoonIsWarnedOf) {
  Bring({.days = 10}, authority_);
  EXPECT_EQ(Rotate(), "");
  EXPECT_THAT(client_->Get("/metrics")->body,
              ContainsRegex("slipway_certificate_days_left.certificate=\"[^\"]*site-ecdsa.pem\". "
                            "(9|10)\n"));
  EXPECT_THAT(Warnings(), ElementsAre(ContainsRegex("certificate .*site-ecdsa.pem ends in (9|10) "
                                                    "days; bring a new one, then 'slipway cert "
                                                    "rotate'")));
}

TEST_F(BroughtCertificateTest, OursIsRenewedWithoutTheirFiles) {
  std::ofstream(folder_ / "site-ecdsa.pem") << "half of it\n";
  core_->certificates().Renew(before_.back().not_after - 29 * 86400);
  EXPECT_NE(FingerprintOf("management"), before_.back().fingerprint);
  EXPECT_THAT(Warnings(), ElementsAre());
  EXPECT_TRUE(IsAnswered(*Client(authority_)));
  // The same where the boot servers' are ours as well.
  End();
  Bring({}, authority_);
  boot_certificates_.clear();
  Begin();
  std::ofstream(folder_ / "site-ecdsa.pem") << "half of it\n";
  const std::string boot = FingerprintOf("boot-ecdsa");
  const std::string management = FingerprintOf("management");
  core_->certificates().Renew(before_.back().not_after - 29 * 86400);
  EXPECT_NE(FingerprintOf("boot-ecdsa"), boot);
  EXPECT_NE(FingerprintOf("management"), management);
  EXPECT_TRUE(IsAnswered(*Client(authority_)));
}

TEST_F(BroughtCertificateTest, AFileOfBothIsListedOnce) {
  End();
  Bring({.names = {kName, "boot.slipway.test"}}, authority_);
  boot_certificates_ =
      "[[tls.certificate]]\nchain = \"site-ecdsa.pem\"\nkey = \"site-ecdsa.key\"\n";
  Begin();
  const std::string file = (folder_ / "site-ecdsa.pem").string();
  const auto list = core_->certificates().All();
  EXPECT_EQ(std::ranges::count(list, file, &CertificateState::name), 1);
  const std::string metrics = client_->Get("/metrics")->body;
  const std::size_t first = metrics.find(file);
  ASSERT_NE(first, metrics.npos);
  EXPECT_EQ(metrics.find(file, first + 1), metrics.npos) << "Prometheus takes none of it otherwise";
}

TEST_F(BroughtCertificateTest, TwoOfAKindOfKeyAreRefusedAtTheStart) {
  End();
  Bring({.file = "site-rsa"}, authority_);
  const ConfigResult parsed = Parsed();
  ASSERT_TRUE(parsed.config.has_value()) << Report(parsed, "test");
  Outlets outlets;
  outlets.images = &memory_;
  const auto core = Core::Open(*parsed.config, std::move(outlets));
  EXPECT_THAT(std::string(core.status().message()),
              HasSubstr((folder_ / "site-rsa.pem").string() +
                        ": a second chain with the same type of key; give at most one RSA and "
                        "one ECDSA chain"));
}

}  // namespace
}  // namespace slipway::control
