// SPDX-License-Identifier: Apache-2.0
//
// Certificates that the operator brings, of the boot servers and of the management interface:
// readable, the key theirs, and fit for their clients (certificate_cover.h). That one of management
// is out of date is a warning: the daemon serves its own meanwhile. And who may come to the
// management interface with a certificate.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "control/config/certificate_cover.h"
#include "control/config/cross_check.h"
#include "control/policy/access_scope.h"
#include "tls/pem.h"

namespace slipway::control {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};
using FileHandle = std::unique_ptr<std::FILE, CloseFile>;

template <class Read>
auto ReadPem(const std::filesystem::path& path, Read read) {
  const FileHandle file(std::fopen(path.c_str(), "re"));
  auto object = file != nullptr ? read(file.get(), nullptr, nullptr, nullptr) : nullptr;
  ERR_clear_error();
  return object;
}

enum class Dates : bool { kProblem, kWarning };

class CertificateChecker {
 public:
  CertificateChecker(const Section& section, const CoveredHosts& hosts, Complaints& complaints)
      : section_(section), hosts_(hosts), complaints_(complaints) {}

  void Check(Dates dates) {
    const auto folder = complaints_.file().parent_path();
    const auto chain = section_.Get<std::string>("chain");
    const auto key_path = section_.Get<std::string>("key");
    tls::X509Pointer certificate;
    tls::KeyPointer key;
    if (chain) {
      certificate.reset(ReadPem(folder / *chain, PEM_read_X509));
      if (!certificate) {
        complaints_.Add(
            section_, "chain",
            "no certificate can be read from it; write the path of a readable PEM file");
      }
    }
    if (key_path) {
      key.reset(ReadPem(folder / *key_path, PEM_read_PrivateKey));
      if (!key) {
        complaints_.Add(section_, "key",
                        "no private key can be read from it; write the path of a readable PEM file "
                        "without a passphrase");
      }
    }
    if (certificate && key && X509_check_private_key(certificate.get(), key.get()) != 1) {
      complaints_.Add(section_, "key",
                      "not the key of the chain's first certificate; bring its own");
    }
    ERR_clear_error();
    if (certificate) CheckCover(folder / *chain, dates);
  }

 private:
  void CheckCover(const std::filesystem::path& chain, Dates dates) {
    std::ifstream file(chain, std::ios::binary);
    std::ostringstream pem;
    pem << file.rdbuf();
    const CertificateFaults faults = FaultsOf(pem.str(), hosts_);
    for (const std::string& fault : faults.dates) {
      if (dates == Dates::kWarning) {
        complaints_.Warn(section_, "chain",
                         fault + "; meanwhile another one that is valid is shown, or our own");
      } else {
        complaints_.Add(section_, "chain", fault);
      }
    }
    for (const std::string& fault : faults.others) complaints_.Add(section_, "chain", fault);
  }

  const Section& section_;
  const CoveredHosts& hosts_;
  Complaints& complaints_;
};

CoveredHosts HostsOfBoot(const Section& root) {
  std::vector<std::string> addresses;
  for (const Section& port : root.Children("port")) {
    for (const Ipv4Prefix& own : port.List<Ipv4Prefix>("addresses")) {
      addresses.push_back(own.address.ToString());
    }
  }
  return BootHosts(root.Child("boot").List<std::string>("names"), std::move(addresses));
}

CoveredHosts HostsOfManagement(const Section& management) {
  const auto listening = management.Get<Endpoint>("address");
  return ManagementHosts(management.List<std::string>("names"),
                         listening ? listening->address : Ipv4Address());
}

void CheckScope(const Section& client, Complaints& complaints) {
  const auto text = client.Get<std::string>("scope");
  const auto role = RoleOf(client.Get<std::string>("role").value_or(""));
  if (!text || !role) return;
  if (text->empty()) {
    return complaints.Add(client, "scope", "means all machines; leave it out for that");
  }
  const auto scope = ParseScope(*text, *role);
  if (scope.ok()) return;
  const auto message = scope.status().message();
  complaints.Add(client, "scope", {message.data(), message.size()});
}

void CheckClients(const Section& management, Complaints& complaints) {
  const auto path = management.Get<std::string>("client_ca");
  const auto& clients = management.Children("client");
  if (path) {
    const auto file = complaints.file().parent_path() / *path;
    if (!tls::X509Pointer(ReadPem(file, PEM_read_X509))) {
      complaints.Add(management, "client_ca",
                     "no certificate can be read from it; write the path of a readable PEM file");
    }
  } else if (!clients.empty()) {
    complaints.Add(clients.front(),
                   "nobody can come with a certificate; write management.client_ca as well");
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    CheckScope(clients[i], complaints);
    for (std::size_t j = 0; j < i; ++j) {
      if (clients[i].Get<std::string>("name") != clients[j].Get<std::string>("name")) continue;
      complaints.Add(clients[i], "name", "has a role already; write each name once");
    }
  }
}

}  // namespace

void CheckTls(const Section& root, Complaints& complaints) {
  const Section& management = root.Child("management");
  CheckClients(management, complaints);
  const CoveredHosts of_management = HostsOfManagement(management);
  for (const Section& section : management.Children("certificate")) {
    CertificateChecker(section, of_management, complaints).Check(Dates::kWarning);
  }
  const CoveredHosts of_boot = HostsOfBoot(root);
  for (const Section& section : root.Child("tls").Children("certificate")) {
    CertificateChecker(section, of_boot, complaints).Check(Dates::kProblem);
  }
}

}  // namespace slipway::control
