// SPDX-License-Identifier: Apache-2.0
#include "control/state/certificate_facts.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "protocols/base/ipv4.h"

namespace slipway::control {
namespace {

std::int64_t UnixSeconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

std::string TextOf(const ASN1_STRING* text) {
  const unsigned char* data = ASN1_STRING_get0_data(text);
  return {data, data + ASN1_STRING_length(text)};
}

std::string NameOf(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS) return TextOf(name.d.dNSName);
  if (name.type != GEN_IPADD || ASN1_STRING_length(name.d.iPAddress) != 4) return {};
  const unsigned char* octets = ASN1_STRING_get0_data(name.d.iPAddress);
  return Ipv4Address(octets[0], octets[1], octets[2], octets[3]).ToString();
}

std::vector<std::string> NamesOf(const X509* certificate) {
  struct Free {
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  };
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, Free> alternative(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = alternative == nullptr ? 0 : sk_GENERAL_NAME_num(alternative.get());
  for (int i = 0; i < count; ++i) {
    std::string name = NameOf(*sk_GENERAL_NAME_value(alternative.get(), i));
    if (!name.empty()) names.push_back(std::move(name));
  }
  if (!names.empty()) return names;
  // Firmware goes by the common name where there is no other.
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) names.push_back(TextOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return names;
}

std::optional<CertificateFacts> FactsOf(const tls::Certificate& certificate) {
  struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* x509) const { X509_free(x509); }
  };
  const std::string& pem = certificate.chain_pem;
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Free> leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (leaf == nullptr) return std::nullopt;
  const EVP_PKEY* key = X509_get0_pubkey(leaf.get());
  return CertificateFacts{.rsa = key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA,
                          .not_before = UnixSeconds(X509_get0_notBefore(leaf.get())),
                          .not_after = UnixSeconds(X509_get0_notAfter(leaf.get())),
                          .names = NamesOf(leaf.get())};
}

}  // namespace

std::vector<CertificateFacts> FactsOf(std::span<const tls::Certificate> certificates) {
  std::vector<CertificateFacts> all;
  for (const tls::Certificate& each : certificates) {
    if (auto facts = FactsOf(each)) all.push_back(*std::move(facts));
  }
  return all;
}

}  // namespace slipway::control
