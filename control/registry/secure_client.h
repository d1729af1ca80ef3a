// SPDX-License-Identifier: Apache-2.0
//
// A client of somebody else's HTTPS server, whose certificate is always verified.
#pragma once

#include <memory>
#include <string>

namespace httplib {
class SSLClient;
}

namespace slipway::control {

// `ca_pem`: certificates to trust instead of the system's authorities, where it has any.
std::shared_ptr<httplib::SSLClient> MakeSecureClient(const std::string& host, int port,
                                                     const std::string& ca_pem);
// Whether there is a certificate in it.
bool HasCertificate(const std::string& pem);

}  // namespace slipway::control
