// SPDX-License-Identifier: Apache-2.0
//
// A server that takes certificates of a CA of clients, and clients that come with one.
#pragma once

#include <fstream>
#include <string>

#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {

// A CA of clients, and a certificate of it for each name.
class ClientCertificateTest : public RestTest {
 protected:
  ClientCertificateTest() {
    End();
    authority_ =
        tls::MakeAuthority({.common_name = "clients", .key_type = tls::KeyType::kEcdsaP256});
    std::ofstream(folder_ / "clients.pem") << authority_.certificate_pem;
    management_ = R"(client_ca = "clients.pem"
[[management.client]]
name = "ci.example.org"
role = "operator"
)";
    Begin();
  }
  // A client's certificate that the authority signed, as the command line takes it.
  std::string Arguments(const tls::Authority& authority, const std::string& name) {
    std::ofstream(folder_ / "signer.pem") << authority.certificate_pem;
    std::ofstream(folder_ / "signer.key") << authority.private_key_pem;
    const Ran ran =
        Shell(Text("cd ", folder_.string(), " && openssl req -x509 -newkey ec -pkeyopt ",
                   "ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=", name,
                   " -CA signer.pem -CAkey signer.key -addext extendedKeyUsage=clientAuth ",
                   "-addext basicConstraints=CA:FALSE -keyout client.key -out client.pem"));
    EXPECT_EQ(ran.code, 0) << ran.text;
    return Text(" --cert ", (folder_ / "client.pem").string(), " --key ",
                (folder_ / "client.key").string());
  }
  tls::Authority authority_;
};

}  // namespace slipway::control
