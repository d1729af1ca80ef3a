// SPDX-License-Identifier: Apache-2.0
//
// What the state directory holds beside the databases: the CA (ca.pem, ca.key) that signs the boot
// and management certificates, and the operator's token. All are made at first start, written
// whole or not at all (whole_file.h), and secret ones have mode 0600.
//
// Server certificates are not kept: each start issues new ones for the names and addresses of the
// configuration, so that they are never out of date or short of a name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/access/digest.h"
#include "control/config/config.h"
#include "tls/certificates.h"

namespace slipway::control {

// Reads the authority, or makes it.
absl::StatusOr<tls::Authority> LoadAuthority(const std::filesystem::path& state_directory);

// Reads chains of the operator's with their keys. Each is named by its file.
absl::StatusOr<std::vector<tls::Certificate>> ReadChains(
    const std::vector<CertificateConfig>& files);
// Of the boot servers: the configured chains, or an RSA and an ECDSA one of our own for all boot
// names and all port addresses.
absl::StatusOr<std::vector<tls::Certificate>> BootCertificates(const Config& config,
                                                               const tls::Authority& authority);
// Our own of the REST interface, for its address and names; where it listens on every address, for
// each that this host has now.
absl::StatusOr<tls::Certificate> ManagementCertificate(const Config& config,
                                                       const tls::Authority& authority);

struct Token {
  std::string text;
  bool made_now = false;
};
// Reads <state>/token, or makes one of 256 random bits.
absl::StatusOr<Token> LoadToken(const std::filesystem::path& state_directory);

}  // namespace slipway::control
