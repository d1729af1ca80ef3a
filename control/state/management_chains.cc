// SPDX-License-Identifier: Apache-2.0
#include "control/state/management_chains.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

namespace slipway::control {
namespace {

ShownChain Read(const tls::Certificate& chain) {
  return {.certificates = tls::ReadCertificates(chain.chain_pem),
          .key = tls::ReadPrivateKey(chain.private_key_pem)};
}

bool Covers(const ShownChain& chain, const std::string& host) {
  if (chain.certificates.empty()) return false;
  X509* const leaf = chain.certificates.front().get();
  const bool covers = X509_check_ip_asc(leaf, host.c_str(), 0) == 1 ||
                      X509_check_host(leaf, host.data(), host.size(), 0, nullptr) == 1;
  ERR_clear_error();  // of what is no address
  return covers;
}

}  // namespace

ShownChains::ShownChains(const ManagementChains& chains) : own(Read(chains.own)) {
  for (const tls::Certificate& each : chains.brought) brought.push_back(Read(each));
}

bool IsValidAt(const ShownChain& chain, std::int64_t now_unix_seconds) {
  const auto& certificates = chain.certificates;
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

std::vector<const ShownChain*> ChainsFor(const ShownChains& chains, const std::string& host,
                                         std::int64_t now_unix_seconds) {
  std::vector<const ShownChain*> fitting;
  for (const ShownChain& each : chains.brought) {
    if (Covers(each, host) && IsValidAt(each, now_unix_seconds)) fitting.push_back(&each);
  }
  if (!fitting.empty()) return fitting;
  if (chains.brought.empty() || Covers(chains.own, host)) return {&chains.own};
  for (const ShownChain& each : chains.brought) fitting.push_back(&each);
  return fitting;
}

}  // namespace slipway::control
