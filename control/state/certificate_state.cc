// SPDX-License-Identifier: Apache-2.0
#include "control/state/certificate_state.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include "control/access/digest.h"
#include "control/text.h"
#include "tls/pem.h"

namespace slipway::control {
namespace {

std::string TextOf(const X509_NAME* name) {
  const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::int64_t UnixOf(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

std::vector<std::string> AlternativeNames(const X509& certificate) {
  std::vector<std::string> names;
  auto* list = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
    GENERAL_NAME_print(out.get(), const_cast<GENERAL_NAME*>(name));
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    names.emplace_back(text, static_cast<std::size_t>(size));
  }
  GENERAL_NAMES_free(list);
  return names;
}

}  // namespace

CertificateState StateOf(const tls::Certificate& certificate, bool is_ours) {
  CertificateState state{.name = certificate.name, .is_ours = is_ours};
  const auto chain = tls::ReadCertificates(certificate.chain_pem);
  if (chain.empty()) return state;
  const tls::X509Pointer& leaf = chain.front();
  state.subject = TextOf(X509_get_subject_name(leaf.get()));
  state.issuer = TextOf(X509_get_issuer_name(leaf.get()));
  if (EVP_PKEY* key = X509_get0_pubkey(leaf.get())) {
    state.key = Text(std::string_view(EVP_PKEY_get0_type_name(key)), ' ', EVP_PKEY_get_bits(key));
  }
  state.names = AlternativeNames(*leaf);
  state.not_before = UnixOf(X509_get0_notBefore(leaf.get()));
  state.not_after = UnixOf(X509_get0_notAfter(leaf.get()));
  // As a rotation looks at it (certificate_cover.h): with its issuer it ends for every client. What
  // stands behind ours is for those who know the CA before alone (authorities.h).
  if (chain.size() > 1 && !is_ours) {
    state.not_after = std::min(state.not_after, UnixOf(X509_get0_notAfter(chain[1].get())));
  }
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  if (X509_digest(leaf.get(), EVP_sha256(), digest.data(), &size) == 1) {
    state.fingerprint = Hexadecimal(digest);
  }
  return state;
}

}  // namespace slipway::control
