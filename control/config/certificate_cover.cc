// SPDX-License-Identifier: Apache-2.0
#include "control/config/certificate_cover.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>
#include <string_view>

#include "control/text.h"

namespace slipway::control {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using CertificateHandle = std::unique_ptr<X509, Free>;

CertificateHandle FirstOf(const std::string& chain_pem) {
  const std::unique_ptr<BIO, Free> bio(
      BIO_new_mem_buf(chain_pem.data(), static_cast<int>(chain_pem.size())));
  CertificateHandle first(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return first;
}

// "2026-11-26"
std::string DayOf(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 16> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "a day that cannot be read";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

void CheckDates(const X509& certificate, std::vector<std::string>& mistakes) {
  const ASN1_TIME* const begin = X509_get0_notBefore(&certificate);
  const ASN1_TIME* const end = X509_get0_notAfter(&certificate);
  if (X509_cmp_current_time(end) < 0) {
    mistakes.push_back(Text("the certificate has expired, on ", DayOf(end), "; bring a new one"));
  } else if (X509_cmp_current_time(begin) > 0) {
    mistakes.push_back(Text("the certificate is not valid before ", DayOf(begin),
                            "; check its dates and this machine's clock"));
  }
}

void CheckHosts(X509& certificate, const BootHosts& hosts, std::vector<std::string>& mistakes) {
  for (const std::string& name : hosts.names) {
    if (X509_check_host(&certificate, name.c_str(), name.size(), 0, nullptr) == 1) continue;
    mistakes.push_back(Text("does not cover the boot name ", name,
                            "; bring a certificate with DNS:", name,
                            " in its subjectAltName, or change boot.names"));
  }
  if (!hosts.names.empty()) return;
  for (const std::string& address : hosts.addresses) {
    if (X509_check_ip_asc(&certificate, address.c_str(), 0) == 1) continue;
    mistakes.push_back(Text("does not cover the address ", address,
                            ", which boot URIs name; bring a certificate with IP:", address,
                            " in its subjectAltName, or write boot.names"));
  }
}

}  // namespace

std::vector<std::string> CertificateMistakes(const std::string& chain_pem, const BootHosts& hosts) {
  const CertificateHandle first = FirstOf(chain_pem);
  if (!first) {
    return {"no certificate can be read from it; write the path of a readable PEM file"};
  }
  std::vector<std::string> mistakes;
  CheckDates(*first, mistakes);
  CheckHosts(*first, hosts, mistakes);
  ERR_clear_error();
  return mistakes;
}

}  // namespace slipway::control
