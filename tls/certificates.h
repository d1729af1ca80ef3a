// SPDX-License-Identifier: Apache-2.0
//
// Certificates of our own (RFC 5280): an authority for booting, the server chains it issues, and
// the form in which firmware enrols it (UEFI 2.10, 32.4.1: EFI_SIGNATURE_LIST of type X509).
//
// What firmware asks for and gets: names as subjectAltName, also IP addresses (edk2 checks an IP
// URL against the IP names), RSA beside ECDSA, notBefore a day in the past for clocks that are
// slow, SHA-256. Left out: revocation lists, requests signed by others: an operator with an
// authority of their own gives finished PEM chains to the Context instead.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocols/base/bytes.h"
#include "tls/context.h"

namespace slipway::tls {

enum class KeyType : std::uint8_t { kEcdsaP256, kRsa2048, kRsa3072 };

struct Authority {
  std::string certificate_pem;
  std::string private_key_pem;
};

struct AuthorityRequest {
  std::string common_name = "Slipway boot CA";
  KeyType key_type = KeyType::kRsa3072;
  int days = 3650;
};
Authority MakeAuthority(const AuthorityRequest& request);

// What takes an authority's place, with a key of the same type, so that whoever takes one takes the
// other.
//
// It has a name of its own: the old one's, with the year and digits of its serial number behind the
// common name. So clients that find an issuer by its name alone (iPXE) find the right one of two,
// and of three. Where the old authority allows none below it (a path length of 0, as it was made
// before there were successors) or constrains names, it has the old one's name.
struct Succession {
  Authority next;
  // Its name and key as an intermediate that the old authority signed; ends with the first of the
  // two. Behind a server's certificate of the new one, it leads whoever knows the old alone to
  // that. Where both have one name, RFC 5280 6.1.4 (l) does not count it against a path length of
  // 0, and OpenSSL goes by that; GnuTLS and Go count it, and iPXE stops at it, for it takes it for
  // its own issuer.
  std::string cross_pem;
};
std::variant<Succession, ContextError> MakeSuccessor(const Authority& old, int days = 3650);

struct ServerRequest {
  KeyType key_type = KeyType::kRsa2048;
  std::vector<std::string> dns_names;     // the first is the common name too
  std::vector<std::string> ip_addresses;  // v4 dotted or v6
  int days = 397;
};
// The chain (the server's certificate; firmware holds the authority's) with its new key.
std::variant<Certificate, ContextError> IssueServerCertificate(const Authority& authority,
                                                               const ServerRequest& request);

// A GUID as it stands in UEFI structures (mixed-endian).
using EfiGuid = std::array<std::uint8_t, 16>;
// Names who enrolled: Slipway's own, made once at random.
inline constexpr EfiGuid kSlipwayOwner = {0x3e, 0x8b, 0x52, 0x61, 0xd4, 0x70, 0x9a, 0x4c,
                                          0xb1, 0x05, 0x27, 0xe9, 0x6f, 0x13, 0x88, 0xc2};

// One EFI_SIGNATURE_LIST per certificate of the PEM text, concatenated; empty for no certificate.
std::vector<std::uint8_t> FirmwareEnrolment(std::string_view authorities_pem,
                                            const EfiGuid& owner = kSlipwayOwner);

}  // namespace slipway::tls
