// SPDX-License-Identifier: Apache-2.0
//
// Whom the management certificate is for.
#include "control/state/secrets.h"

#include <gmock/gmock.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

#include "control/text.h"
#include "tests/support/small_site.h"

namespace slipway::control {
namespace {

class ManagementCertificateTest : public testing::Test {
 protected:
  // `management`: the lines of its table.
  void Issue(const std::string& management) {
    const ConfigResult parsed =
        ParseConfig(Text("[management]\n", management, kSitePort), "s.toml");
    ASSERT_TRUE(parsed.config.has_value()) << Report(parsed, "test");
    const auto issued = ManagementCertificate(*parsed.config, authority_);
    ASSERT_TRUE(issued.ok()) << issued.status();
    const std::unique_ptr<BIO, void (*)(BIO*)> text(
        BIO_new_mem_buf(issued->chain_pem.data(), static_cast<int>(issued->chain_pem.size())),
        BIO_free_all);
    certificate_.reset(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    ASSERT_NE(certificate_, nullptr);
  }
  bool IsForAddress(const std::string& address) const {
    return X509_check_ip_asc(certificate_.get(), address.c_str(), 0) == 1;
  }
  bool IsForName(const std::string& name) const {
    return X509_check_host(certificate_.get(), name.c_str(), name.size(), 0, nullptr) == 1;
  }

 private:
  const tls::Authority authority_ = tls::MakeAuthority({});
  std::unique_ptr<X509, void (*)(X509*)> certificate_{nullptr, X509_free};
};

TEST_F(ManagementCertificateTest, ListeningOnEveryAddressItIsForEachOfThem) {
  Issue("address = \"0.0.0.0:8443\"");
  ifaddrs* first = nullptr;
  ASSERT_EQ(::getifaddrs(&first), 0);
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    std::array<char, NI_MAXHOST> text{};
    ASSERT_EQ(::getnameinfo(each->ifa_addr, sizeof(sockaddr_in), text.data(), text.size(), nullptr,
                            0, NI_NUMERICHOST),
              0);
    EXPECT_TRUE(IsForAddress(text.data())) << text.data();
  }
  ::freeifaddrs(first);
  EXPECT_TRUE(IsForAddress("127.0.0.1"));
  EXPECT_FALSE(IsForAddress("0.0.0.0"));
}

TEST_F(ManagementCertificateTest, ListeningOnOneAddressItIsForThatAndThisHost) {
  Issue("address = \"192.0.2.1:8443\"\nnames = [\"boot.example.net\"]");
  EXPECT_TRUE(IsForName("boot.example.net"));
  EXPECT_TRUE(IsForAddress("192.0.2.1"));
  EXPECT_TRUE(IsForAddress("127.0.0.1"));
  EXPECT_FALSE(IsForAddress("192.0.2.2"));
  EXPECT_FALSE(IsForName("localhost"));
}

}  // namespace
}  // namespace slipway::control
