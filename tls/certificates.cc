// SPDX-License-Identifier: Apache-2.0
//
// X.509 version 3 by OpenSSL; the EFI list by hand, for it is 44 bytes before the DER.
#include "tls/certificates.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "protocols/base/check.h"
#include "tls/pem.h"

namespace slipway::tls {
namespace {

constexpr long kDay = 24L * 60 * 60;

KeyPointer NewKey(KeyType type) {
  if (type == KeyType::kEcdsaP256) return KeyPointer(EVP_EC_gen("P-256"));
  return KeyPointer(EVP_RSA_gen(type == KeyType::kRsa2048 ? 2048U : 3072U));
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool ok = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return ok;
}

constexpr std::size_t kCommonNameMax = 64;  // characters: RFC 5280 appendix A

// At this place among the name's parts; -1: behind them.
bool SetName(X509_NAME* name, const std::string& common_name, int place = -1) {
  const auto* text = AsBytes(common_name).data();
  const int size = static_cast<int>(std::min(common_name.size(), kCommonNameMax));
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text, size, place, 0) == 1;
}

// Version, serial, validity and key; names and extensions are the caller's.
X509Pointer NewCertificate(EVP_PKEY* key, int days) {
  X509Pointer certificate(X509_new());
  std::array<std::uint8_t, 16> serial{};
  SLIPWAY_CHECK(certificate != nullptr &&
                RAND_bytes(serial.data(), static_cast<int>(serial.size())) == 1);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3f) | 0x40);  // positive, of fixed length
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  SLIPWAY_CHECK(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get())) != nullptr);
  BN_free(number);
  SLIPWAY_CHECK(X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  SLIPWAY_CHECK(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay) != nullptr);
  SLIPWAY_CHECK(X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDay * days) != nullptr);
  SLIPWAY_CHECK(X509_set_pubkey(certificate.get(), key) == 1);
  return certificate;
}

std::string AlternativeNames(const ServerRequest& request) {
  std::string names;
  const auto add = [&names](const char* kind, const std::string& name) {
    if (!names.empty()) names += ',';
    names += kind + name;
  };
  for (const std::string& name : request.dns_names) add("DNS:", name);
  for (const std::string& address : request.ip_addresses) add("IP:", address);
  return names;
}

// Names go through OpenSSL's configuration syntax: only what a name can hold may pass.
bool IsPlain(const std::string& name) {
  return !name.empty() && name.size() <= 253 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
             "0123456789.-_:*") == std::string::npos;
}

std::optional<ContextError> Check(const ServerRequest& request) {
  if (request.dns_names.empty() && request.ip_addresses.empty()) {
    return ContextError{"server certificate", "no name and no address",
                        "give the names and addresses machines boot from"};
  }
  for (const auto* list : {&request.dns_names, &request.ip_addresses}) {
    for (const std::string& name : *list) {
      if (IsPlain(name)) continue;
      return ContextError{"server certificate", "not a name or address: '" + name + "'",
                          "use letters, digits, '.', '-' (and ':' in IPv6 addresses)"};
    }
  }
  return std::nullopt;
}

struct Issuer {
  X509Pointer certificate;
  KeyPointer key;
};

// Nullopt where either is unreadable, or the key another's.
std::optional<Issuer> ReadIssuer(const Authority& authority) {
  std::vector<X509Pointer> all = ReadCertificates(authority.certificate_pem);
  Issuer issuer{all.empty() ? nullptr : std::move(all.front()),
                ReadPrivateKey(authority.private_key_pem)};
  const bool fit = issuer.certificate != nullptr && issuer.key != nullptr &&
                   X509_check_private_key(issuer.certificate.get(), issuer.key.get()) == 1;
  ERR_clear_error();
  if (!fit) return std::nullopt;
  return issuer;
}

ContextError UnreadableAuthority() {
  return {"boot authority", "its certificate and key are unreadable or do not match",
          "restore both, or remove both and have a new authority made and enrolled"};
}

constexpr const char* kAuthorityUsage = "critical,keyCertSign,cRLSign";

// A successor's mark, behind its predecessor's common name: " 2026-5c1f03a9".
constexpr std::string_view kMarkForm = " dddd-xxxxxxxx";
constexpr std::string_view kDigits = "0123456789abcdef";

// The year in which it is made, and the end of its serial number.
std::string MarkOf(const X509* certificate) {
  std::tm now{};
  std::array<char, 8> year{};
  SLIPWAY_CHECK(ASN1_TIME_to_tm(nullptr, &now) == 1 &&
                std::strftime(year.data(), year.size(), " %Y-", &now) == 6);
  std::string mark = year.data();
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(certificate);
  const Bytes bytes{ASN1_STRING_get0_data(serial),
                    static_cast<std::size_t>(ASN1_STRING_length(serial))};
  for (const std::uint8_t byte : bytes.last(4)) {
    mark += kDigits[byte >> 4];
    mark += kDigits[byte & 15];
  }
  return mark;
}

bool IsMark(std::string_view text) {
  return std::ranges::equal(text, kMarkForm, [](char character, char form) {
    if (form == 'd') return kDigits.substr(0, 10).find(character) != std::string_view::npos;
    if (form == 'x') return kDigits.find(character) != std::string_view::npos;
    return character == form;
  });
}

// The common name that stands there, without a mark, and so short that one fits behind it.
std::string Unmarked(const X509_NAME* name, int place) {
  unsigned char* utf8 = nullptr;
  const int size =
      place < 0
          ? -1
          : ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, place)));
  if (size < 0) return AuthorityRequest{}.common_name;
  std::string text(utf8, utf8 + size);
  OPENSSL_free(utf8);
  if (text.size() >= kMarkForm.size() &&
      IsMark(std::string_view(text).substr(text.size() - kMarkForm.size()))) {
    text.resize(text.size() - kMarkForm.size());
  }
  std::size_t end = std::min(text.size(), kCommonNameMax - kMarkForm.size());
  const auto is_inside = [&text](std::size_t at) {  // of a character of several bytes
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80;
  };
  while (is_inside(end)) --end;
  text.resize(end);
  return text;
}

// Whether a successor of another name would be taken by its word; see Succession.
bool AllowsAuthorityBelow(X509* authority) {
  return X509_get_pathlen(authority) != 0 &&
         X509_get_ext_by_NID(authority, NID_name_constraints, -1) < 0;
}

// Its successor's certificate, not yet signed.
X509Pointer NextRoot(X509* before, EVP_PKEY* key, int days) {
  const X509_NAME* const old_name = X509_get_subject_name(before);
  while (true) {
    X509Pointer next = NewCertificate(key, days);
    SLIPWAY_CHECK(X509_set_subject_name(next.get(), old_name) == 1);
    if (!AllowsAuthorityBelow(before)) return next;
    X509_NAME* const name = X509_get_subject_name(next.get());
    const int place = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    const std::string common_name = Unmarked(name, place) + MarkOf(next.get());
    X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, place));
    SLIPWAY_CHECK(SetName(name, common_name, place));
    // Two of one year have the same digits once in four thousand million times.
    if (X509_NAME_cmp(name, old_name) != 0) return next;
  }
}

// Of a certificate that has its name: all else of a root, and its own signature. One authority may
// stand below, which is its successor (MakeSuccessor()).
void SignRoot(X509* root, EVP_PKEY* key) {
  const bool ok = X509_set_issuer_name(root, X509_get_subject_name(root)) == 1 &&
                  AddExtension(root, root, NID_basic_constraints, "critical,CA:TRUE,pathlen:1") &&
                  AddExtension(root, root, NID_key_usage, kAuthorityUsage) &&
                  AddExtension(root, root, NID_subject_key_identifier, "hash") &&
                  X509_sign(root, key, EVP_sha256()) > 0;
  SLIPWAY_CHECK(ok);
}

}  // namespace

Authority MakeAuthority(const AuthorityRequest& request) {
  const KeyPointer key = NewKey(request.key_type);
  SLIPWAY_CHECK(key != nullptr);
  const X509Pointer certificate = NewCertificate(key.get(), request.days);
  SLIPWAY_CHECK(SetName(X509_get_subject_name(certificate.get()), request.common_name));
  SignRoot(certificate.get(), key.get());
  return {ToPem(certificate.get()), ToPem(key.get())};
}

std::variant<Succession, ContextError> MakeSuccessor(const Authority& old, int days) {
  const std::optional<Issuer> issuer = ReadIssuer(old);
  if (!issuer) return UnreadableAuthority();
  X509* const before = issuer->certificate.get();
  // By it clients find the right one of two authorities; of two of one name by it alone.
  if (X509_get0_subject_key_id(before) == nullptr) {
    return ContextError{"boot authority", "its certificate has no subjectKeyIdentifier",
                        "remove it and its key, have a new authority made, and enrol that"};
  }
  const bool is_ecdsa = EVP_PKEY_get_base_id(issuer->key.get()) == EVP_PKEY_EC;
  const KeyPointer key = NewKey(is_ecdsa ? KeyType::kEcdsaP256 : KeyType::kRsa3072);
  SLIPWAY_CHECK(key != nullptr);
  const X509Pointer root = NextRoot(before, key.get(), days);
  SignRoot(root.get(), key.get());

  const X509Pointer cross = NewCertificate(key.get(), days);
  X509* const native = cross.get();
  const ASN1_TIME* const end = X509_get0_notAfter(before);
  // Behind its issuer's end it would be worth nothing.
  const bool ends_first = ASN1_TIME_compare(end, X509_get0_notAfter(native)) < 0;
  const bool ok =
      X509_set_subject_name(native, X509_get_subject_name(root.get())) == 1 &&
      X509_set_issuer_name(native, X509_get_subject_name(before)) == 1 &&
      (!ends_first || X509_set1_notAfter(native, end) == 1) &&
      AddExtension(native, before, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      AddExtension(native, before, NID_key_usage, kAuthorityUsage) &&
      AddExtension(native, before, NID_subject_key_identifier, "hash") &&
      AddExtension(native, before, NID_authority_key_identifier, "keyid:always") &&
      X509_sign(native, issuer->key.get(), EVP_sha256()) > 0;
  SLIPWAY_CHECK(ok);
  return Succession{{ToPem(root.get()), ToPem(key.get())}, ToPem(native)};
}

std::variant<Certificate, ContextError> IssueServerCertificate(const Authority& authority,
                                                               const ServerRequest& request) {
  if (auto error = Check(request)) return *error;
  const std::optional<Issuer> read = ReadIssuer(authority);
  if (!read) return UnreadableAuthority();
  X509* const issuer = read->certificate.get();
  const KeyPointer key = NewKey(request.key_type);
  SLIPWAY_CHECK(key != nullptr);
  const X509Pointer certificate = NewCertificate(key.get(), request.days);
  X509* native = certificate.get();
  const std::string& common_name =
      request.dns_names.empty() ? request.ip_addresses.front() : request.dns_names.front();
  const char* usage = request.key_type == KeyType::kEcdsaP256
                          ? "critical,digitalSignature"
                          : "critical,digitalSignature,keyEncipherment";
  const bool ok = SetName(X509_get_subject_name(native), common_name) &&
                  X509_set_issuer_name(native, X509_get_subject_name(issuer)) == 1 &&
                  AddExtension(native, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                  AddExtension(native, issuer, NID_key_usage, usage) &&
                  AddExtension(native, issuer, NID_ext_key_usage, "serverAuth") &&
                  AddExtension(native, issuer, NID_subject_key_identifier, "hash") &&
                  AddExtension(native, issuer, NID_authority_key_identifier, "keyid");
  SLIPWAY_CHECK(ok);
  if (!AddExtension(native, issuer, NID_subject_alt_name, AlternativeNames(request))) {
    ERR_clear_error();
    return ContextError{"server certificate", "a name or address that a certificate cannot hold",
                        "give IPv4 or IPv6 addresses as addresses and host names as names"};
  }
  SLIPWAY_CHECK(X509_sign(native, read->key.get(), EVP_sha256()) > 0);
  return Certificate{common_name, ToPem(native), ToPem(key.get())};
}

std::vector<std::uint8_t> FirmwareEnrolment(std::string_view authorities_pem,
                                            const EfiGuid& owner) {
  // EFI_CERT_X509_GUID a5c059a1-94e4-4aa7-87b5-ab155c2bf072
  static constexpr EfiGuid kX509 = {0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
                                    0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};
  std::vector<std::uint8_t> lists;
  const auto put = [&lists](Bytes bytes) { lists.insert(lists.end(), bytes.begin(), bytes.end()); };
  const auto put_little = [&lists](std::size_t value) {
    for (int shift = 0; shift < 32; shift += 8) {
      lists.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  };
  for (const X509Pointer& certificate : ReadCertificates(authorities_pem)) {
    unsigned char* der = nullptr;
    const int der_size = i2d_X509(certificate.get(), &der);
    SLIPWAY_CHECK(der_size > 0);
    const Bytes bytes{der, static_cast<std::size_t>(der_size)};
    const std::size_t signature_size = owner.size() + bytes.size();
    put(kX509);
    put_little(kX509.size() + 12 + signature_size);  // three numbers
    put_little(0);                                   // no header
    put_little(signature_size);
    put(owner);
    put(bytes);
    OPENSSL_free(der);
  }
  return lists;
}

}  // namespace slipway::tls
