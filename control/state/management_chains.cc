// SPDX-License-Identifier: Apache-2.0
#include "control/state/management_chains.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "tls/pem.h"

namespace slipway::control {
namespace {

bool Covers(const tls::Certificate& certificate, const std::string& host) {
  const auto chain = tls::ReadCertificates(certificate.chain_pem);
  if (chain.empty()) return false;
  X509* const leaf = chain.front().get();
  const bool covers = X509_check_ip_asc(leaf, host.c_str(), 0) == 1 ||
                      X509_check_host(leaf, host.data(), host.size(), 0, nullptr) == 1;
  ERR_clear_error();  // of what is no address
  return covers;
}

}  // namespace

bool IsValidAt(const tls::Certificate& chain, std::int64_t now_unix_seconds) {
  const auto certificates = tls::ReadCertificates(chain.chain_pem);
  std::time_t now = now_unix_seconds;
  for (std::size_t i = 0; i < std::min(certificates.size(), std::size_t{2}); ++i) {
    const X509* const each = certificates[i].get();
    if (X509_cmp_time(X509_get0_notBefore(each), &now) > 0 ||
        X509_cmp_time(X509_get0_notAfter(each), &now) < 0) {
      return false;
    }
  }
  return !certificates.empty();
}

std::vector<const tls::Certificate*> ChainsFor(const ManagementChains& chains,
                                               const std::string& host,
                                               std::int64_t now_unix_seconds) {
  std::vector<const tls::Certificate*> fitting;
  for (const tls::Certificate& each : chains.brought) {
    if (Covers(each, host) && IsValidAt(each, now_unix_seconds)) fitting.push_back(&each);
  }
  if (!fitting.empty()) return fitting;
  if (chains.brought.empty() || Covers(chains.own, host)) return {&chains.own};
  for (const tls::Certificate& each : chains.brought) fitting.push_back(&each);
  return fitting;
}

}  // namespace slipway::control
