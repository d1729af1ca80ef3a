// SPDX-License-Identifier: Apache-2.0
//
// Traffic keys from secrets: TLS 1.2 (RFC 5246 6.3 with the AEAD layout of RFC 5288 3) and 1.3
// (RFC 8446 7.1 HKDF-Expand-Label, 7.2 "traffic upd", 7.3 "key" and "iv").
//
// OpenSSL hands keys over by itself (key_bio.h) except where a maximum fragment length was
// negotiated and after a KeyUpdate. Then the secrets it writes to its key log are enough, and in
// tests both ways must agree. All derivations are OpenSSL's own EVP_KDFs.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tls/record.h"

namespace slipway::tls {

// TLS 1.3: the keys of one epoch, sequence 0. The secret's size (32 or 48) names the hash.
std::optional<RecordKeys> KeysFromTrafficSecret(Bytes secret, std::size_t key_size);

// TLS 1.3: the secret of the next epoch.
std::optional<std::vector<std::uint8_t>> NextTrafficSecret(Bytes secret);

struct MasterSecret {
  Bytes secret;
  Bytes client_random;
  Bytes server_random;
  const char* digest_name = "SHA256";  // the suite's PRF hash
};

// TLS 1.2, AES-GCM suites: the server's write keys; `iv` (the explicit nonce) and `sequence` zero.
std::optional<RecordKeys> ServerKeysFromMasterSecret(const MasterSecret& master,
                                                     std::size_t key_size);
// The same for the client's.
std::optional<RecordKeys> ClientKeysFromMasterSecret(const MasterSecret& master,
                                                     std::size_t key_size);

// One line of OpenSSL's key log: "LABEL <client random> <secret>".
struct KeyLogLine {
  std::string_view label;
  std::vector<std::uint8_t> client_random;
  std::vector<std::uint8_t> secret;
};
std::optional<KeyLogLine> ParseKeyLogLine(std::string_view line);

std::optional<std::vector<std::uint8_t>> BytesFromHex(std::string_view hex);

}  // namespace slipway::tls
