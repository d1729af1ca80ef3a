// SPDX-License-Identifier: Apache-2.0
#include "control/config/certificate_cover.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <utility>

#include "control/text.h"
#include "tls/pem.h"

namespace slipway::control {
namespace {

struct Chain {
  std::vector<tls::X509Pointer> certificates;
  bool is_whole = false;  // nothing that is none follows
};

Chain ChainOf(const std::string& pem) {
  const tls::BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Chain chain;
  while (X509* const next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    chain.certificates.emplace_back(next);
  }
  chain.is_whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return chain;
}

// "2026-11-26"
std::string DayOf(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 16> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "a day that cannot be read";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

void CheckDates(const X509& certificate, std::string_view which,
                std::vector<std::string>& mistakes) {
  const ASN1_TIME* const begin = X509_get0_notBefore(&certificate);
  const ASN1_TIME* const end = X509_get0_notAfter(&certificate);
  if (X509_cmp_current_time(end) < 0) {
    mistakes.push_back(Text(which, " has expired, on ", DayOf(end), "; bring a new one"));
  } else if (X509_cmp_current_time(begin) > 0) {
    mistakes.push_back(Text(which, " is not valid before ", DayOf(begin),
                            "; check its dates and this machine's clock"));
  }
}

// What extendedKeyUsage (RFC 5280 4.2.1.12) and the like keep every client from.
void CheckPurpose(X509& certificate, std::vector<std::string>& mistakes) {
  if (X509_check_purpose(&certificate, X509_PURPOSE_SSL_SERVER, 0) == 1) return;
  mistakes.push_back(
      "the certificate is not for servers; bring one with extendedKeyUsage serverAuth");
}

// Certificates are numbered as they stand in the file, from 1.
void CheckIssuers(const Chain& chain, std::vector<std::string>& mistakes) {
  const auto& all = chain.certificates;
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (X509_check_issued(all[i].get(), all[i - 1].get()) == X509_V_OK &&
        X509_verify(all[i - 1].get(), X509_get0_pubkey(all[i].get())) == 1) {
      continue;
    }
    mistakes.push_back(
        Text("certificate ", i + 1, " of the chain did not sign certificate ", i,
             "; put the server's own first, and behind each the one that signed it"));
  }
  if (chain.is_whole) return;
  mistakes.push_back(Text("certificate ", all.size() + 1,
                          " of the chain cannot be read; write the file anew, as PEM"));
}

void CheckHosts(X509& certificate, const CoveredHosts& hosts, std::vector<std::string>& mistakes) {
  for (const std::string& name : hosts.names) {
    if (X509_check_host(&certificate, name.c_str(), name.size(), 0, nullptr) == 1) continue;
    mistakes.push_back(Text("does not cover the ", hosts.name_words, ' ', name,
                            "; bring a certificate with DNS:", name,
                            " in its subjectAltName, or change ", hosts.names_key));
  }
  if (!hosts.names.empty()) return;
  for (const std::string& address : hosts.addresses) {
    if (X509_check_ip_asc(&certificate, address.c_str(), 0) == 1) continue;
    mistakes.push_back(Text("does not cover the address ", address, ", ", hosts.address_words,
                            "; bring a certificate with IP:", address,
                            " in its subjectAltName, or write ", hosts.names_key));
  }
}

}  // namespace

CoveredHosts BootHosts(std::vector<std::string> names, std::vector<std::string> addresses) {
  return {.names = std::move(names),
          .addresses = std::move(addresses),
          .name_words = "boot name",
          .address_words = "which boot URIs name",
          .names_key = "boot.names"};
}

CoveredHosts ManagementHosts(const std::vector<std::string>& names, Ipv4Address listening) {
  CoveredHosts hosts{.names = {},
                     .addresses = {},
                     .name_words = "management name",
                     .address_words = "where management listens",
                     .names_key = "management.names"};
  std::ranges::copy_if(names, std::back_inserter(hosts.names),
                       [](const std::string& name) { return name != "localhost"; });
  if (!listening.is_unspecified() && !listening.is_loopback()) {
    hosts.addresses.push_back(listening.ToString());
  }
  return hosts;
}

CertificateFaults FaultsOf(const std::string& chain_pem, const CoveredHosts& hosts) {
  const Chain chain = ChainOf(chain_pem);
  if (chain.certificates.empty()) {
    return {.dates = {},
            .others = {"no certificate can be read from it; write the path of a readable PEM "
                       "file"}};
  }
  CertificateFaults faults;
  CheckDates(*chain.certificates.front(), "the certificate", faults.dates);
  // Behind the first issuer may stand one that has ended and that no client needs: a root signed
  // by an older one, for those who know that alone.
  if (chain.certificates.size() > 1) {
    CheckDates(*chain.certificates[1], "certificate 2 of the chain", faults.dates);
  }
  CheckPurpose(*chain.certificates.front(), faults.others);
  CheckHosts(*chain.certificates.front(), hosts, faults.others);
  CheckIssuers(chain, faults.others);
  ERR_clear_error();
  return faults;
}

std::vector<std::string> CertificateMistakes(const std::string& chain_pem,
                                             const CoveredHosts& hosts) {
  CertificateFaults faults = FaultsOf(chain_pem, hosts);
  std::vector<std::string> mistakes = std::move(faults.dates);
  std::ranges::move(faults.others, std::back_inserter(mistakes));
  return mistakes;
}

}  // namespace slipway::control
