// SPDX-License-Identifier: Apache-2.0
//
// What an operator gives: certificates of every kind, wrong ones with words, and what firmware
// enrols.
#include "tls/context.h"

#include <openssl/x509v3.h>

#include "tests/unit/tls/loopback.h"
#include "tls/pem.h"

namespace slipway::tls {
namespace {

ContextError ErrorOf(const ContextOptions& options) {
  const Context::Result result = Context::Create(options);
  const auto* error = std::get_if<ContextError>(&result);
  return error == nullptr ? ContextError{} : *error;
}

TEST(Context, SaysWhatIsWrongWhereAndWhatWouldBeRight) {
  const Certificates& made = Certificates::Get();
  EXPECT_EQ(ErrorOf({}).what, "none was given");
  Certificate broken = made.rsa;
  broken.chain_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  broken.name = "/etc/slipway/boot.pem";
  EXPECT_EQ(ErrorOf({{broken}}).what, "the chain holds no certificate");
  EXPECT_EQ(ErrorOf({{broken}}).where, "/etc/slipway/boot.pem");
  broken = made.rsa;
  broken.private_key_pem = "nothing";
  EXPECT_EQ(ErrorOf({{broken}}).what, "the private key cannot be read");
  broken.private_key_pem = made.ecdsa.private_key_pem;
  EXPECT_NE(ErrorOf({{broken}}).what.find("does not belong"), std::string::npos);
  EXPECT_NE(ErrorOf({{made.rsa, made.rsa}}).what.find("same type"), std::string::npos);
  EXPECT_FALSE(ErrorOf({{made.rsa, made.rsa}}).remedy.empty());
  EXPECT_EQ(ErrorOf({{made.rsa, made.ecdsa}}).what, "");
}

TEST(Context, OnlyTheTwoPoliciesHaveNames) {
  EXPECT_EQ(ParsePolicy("firmware"), Policy::kFirmware);
  EXPECT_EQ(ParsePolicy("modern"), Policy::kModern);
  EXPECT_EQ(ParsePolicy("Modern"), std::nullopt);
}

TEST(Context, ModernRefusesWhatHasNoForwardSecrecyOrIsCbc) {
  for (const char* suite :
       {"AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256"}) {
    Loopback loop({.suites_tls12 = suite}, MakeContext(Policy::kModern));
    loop.Handshake();
    EXPECT_EQ(loop.session.state(), SessionState::kFailed) << suite;
  }
}

TEST(Context, AnEcdsaChainAloneFailsOvmfWithHandshakeFailure) {
  const ContextOptions options{.certificates = {Certificates::Get().ecdsa}};
  Loopback loop({.suites_tls12 = kOvmfSuites},
                std::get<std::shared_ptr<const Context>>(Context::Create(options)));
  loop.Handshake();
  EXPECT_EQ(loop.session.state(), SessionState::kFailed);
  EXPECT_EQ(loop.session.info().alert_sent, 40);
}

TEST(Context, WithoutTicketKeysNothingIsResumed) {
  const ContextOptions options{.certificates = {Certificates::Get().rsa}};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Loopback loop({.version = version},
                  std::get<std::shared_ptr<const Context>>(Context::Create(options)));
    loop.Handshake();
    ASSERT_TRUE(loop.session.is_open());
    if (loop.client.session() == nullptr) continue;
    EXPECT_EQ(SSL_SESSION_has_ticket(loop.client.session()), 0);
  }
}

class Issued : public ::testing::TestWithParam<std::tuple<KeyType, KeyType>> {};

TEST_P(Issued, ChainsAreTrustedForTheirNamesAndAddressesOnly) {
  const auto [authority_type, server_type] = GetParam();
  const Authority authority = MakeAuthority({.key_type = authority_type});
  const auto issued =
      IssueServerCertificate(authority, {.key_type = server_type,
                                         .dns_names = {"boot.example", "*.lab.example"},
                                         .ip_addresses = {"10.77.0.1", "fd00::77"}});
  const auto leaf = ReadCertificates(std::get<Certificate>(issued).chain_pem);
  const auto root = ReadCertificates(authority.certificate_pem);
  ASSERT_EQ(leaf.size(), 1U);
  X509* native = leaf[0].get();
  for (const char* name : {"boot.example", "x.lab.example"}) {
    EXPECT_EQ(X509_check_host(native, name, 0, 0, nullptr), 1) << name;
  }
  EXPECT_EQ(X509_check_host(native, "other.example", 0, 0, nullptr), 0);
  for (const char* address : {"10.77.0.1", "fd00::77"}) {
    EXPECT_EQ(X509_check_ip_asc(native, address, 0), 1) << address;
  }
  EXPECT_EQ(X509_check_ip_asc(native, "10.77.0.2", 0), 0);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, root[0].get());
  X509_STORE_CTX* check = X509_STORE_CTX_new();
  X509_STORE_CTX_init(check, store, native, nullptr);
  X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(check), X509_V_FLAG_X509_STRICT);
  EXPECT_EQ(X509_verify_cert(check), 1)
      << X509_verify_cert_error_string(X509_STORE_CTX_get_error(check));
  X509_STORE_CTX_free(check);
  X509_STORE_free(store);
}

INSTANTIATE_TEST_SUITE_P(Tls, Issued,
                         ::testing::Values(std::tuple(KeyType::kEcdsaP256, KeyType::kRsa2048),
                                           std::tuple(KeyType::kEcdsaP256, KeyType::kRsa3072),
                                           std::tuple(KeyType::kRsa2048, KeyType::kEcdsaP256)));

TEST(Certificates, NamesThatAreNoneAreRefusedInWords) {
  const Authority& authority = Certificates::Get().authority;
  for (const ServerRequest& request :
       {ServerRequest{}, ServerRequest{.dns_names = {"a,IP:1.2.3.4"}},
        ServerRequest{.ip_addresses = {"10.77.0.999"}}, ServerRequest{.dns_names = {""}}}) {
    const auto result = IssueServerCertificate(authority, request);
    ASSERT_TRUE(std::holds_alternative<ContextError>(result));
    EXPECT_FALSE(std::get<ContextError>(result).remedy.empty());
  }
  EXPECT_TRUE(std::holds_alternative<ContextError>(
      IssueServerCertificate({"none", "none"}, {.dns_names = {"boot.test"}})));
}

TEST(Certificates, TheEnrolmentIsOneSignatureListPerAuthority) {
  const std::string pem = Certificates::Get().authority.certificate_pem;
  const Buffer list = FirmwareEnrolment(pem);
  const std::size_t der = list.size() - 44;
  // a5c059a1-94e4-4aa7-87b5-ab155c2bf072, first three fields little-endian
  const Buffer head{0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
                    0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};
  EXPECT_TRUE(Equal(Bytes(list).first(16), head));
  const auto little = [&list](std::size_t at) {
    return list[at] + 256U * list[at + 1] + 65536U * list[at + 2] + 16777216U * list[at + 3];
  };
  EXPECT_EQ(little(16), list.size());
  EXPECT_EQ(little(20), 0U);
  EXPECT_EQ(little(24), 16 + der);
  EXPECT_TRUE(Equal(Bytes(list).subspan(28, 16), kSlipwayOwner));
  const unsigned char* at = list.data() + 44;
  const X509Pointer certificate(d2i_X509(nullptr, &at, static_cast<long>(der)));
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(ToPem(certificate.get()), pem);
  EXPECT_EQ(FirmwareEnrolment(pem + pem).size(), 2 * list.size());
  EXPECT_TRUE(FirmwareEnrolment("").empty());
}

}  // namespace
}  // namespace slipway::tls
