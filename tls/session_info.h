// SPDX-License-Identifier: Apache-2.0
//
// What a handshake tells: for a boot's story, the metrics, and the administrator who asks why a
// machine did not boot. Firmware shows its user nothing, so the alert codes here are often the
// only diagnosis (RFC 5246 7.2, RFC 8446 6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tls/record.h"

namespace slipway::tls {

// What the client offered, in its order and as it sent it (GREASE included): its fingerprint.
struct ClientOffer {
  std::vector<std::uint16_t> suites;
  std::vector<std::uint16_t> versions;  // supported_versions, or the one of the ClientHello
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
  std::string server_name;  // SNI; empty when absent (recorded, never needed)
};

enum class RecordsSealedBy : std::uint8_t {
  kNobody,   // no handshake was finished
  kSlipway,  // AES-GCM: our own records
  kOpenssl,  // CBC and ChaCha20: OpenSSL's records from a retained buffer
};

struct SessionInfo {
  ClientOffer offer;
  Version version = Version::kTls12;
  std::uint16_t suite = 0;      // IANA number
  std::string_view suite_name;  // OpenSSL's name, of static storage; empty before the ServerHello
  std::string_view group;       // "P-256", "X25519", "ffdhe2048", "RSA"; empty when not known
  bool http11_negotiated = false;         // ALPN
  bool resumed = false;                   // by a ticket
  std::uint16_t max_fragment_length = 0;  // 0: none was negotiated
  RecordsSealedBy sealed_by = RecordsSealedBy::kNobody;
  std::optional<std::uint8_t> alert_sent;
  std::optional<std::uint8_t> alert_received;
  std::uint32_t renegotiations_refused = 0;
  std::uint32_t key_updates = 0;  // epochs of our sending keys after the first
  std::string_view failure;       // OpenSSL's reason, of static storage; empty when none
};

// "handshake_failure (40)" and the like; "alert 123" for one nobody knows.
std::string AlertText(std::uint8_t alert);

}  // namespace slipway::tls
