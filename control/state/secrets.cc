// SPDX-License-Identifier: Apache-2.0
#include "control/state/secrets.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "control/access/tokens.h"
#include "control/text.h"
#include "control/whole_file.h"

namespace slipway::control {
namespace {

absl::StatusOr<tls::Certificate> Issue(const tls::Authority& authority,
                                       const tls::ServerRequest& request, std::string name) {
  auto issued = tls::IssueServerCertificate(authority, request);
  if (const auto* error = std::get_if<tls::ContextError>(&issued)) {
    return absl::InternalError(Text(error->where, ": ", error->what, "; ", error->remedy));
  }
  auto& certificate = std::get<tls::Certificate>(issued);
  certificate.name = std::move(name);
  return std::move(certificate);
}

// Of this host, at this moment; empty where it does not tell.
std::vector<std::string> LocalAddresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(first, ::freeifaddrs);
  std::vector<std::string> addresses;
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    std::array<char, NI_MAXHOST> text{};
    const int error = ::getnameinfo(each->ifa_addr, sizeof(sockaddr_in), text.data(), text.size(),
                                    nullptr, 0, NI_NUMERICHOST);
    if (error == 0) addresses.emplace_back(text.data());
  }
  return addresses;
}

std::vector<std::string> AddressesOf(const Config& config) {
  std::vector<std::string> addresses;
  for (const PortConfig& port : config.ports) {
    for (const Ipv4Prefix& own : port.addresses) addresses.push_back(own.address.ToString());
  }
  return addresses;
}

}  // namespace

absl::StatusOr<tls::Authority> LoadAuthority(const std::filesystem::path& state_directory) {
  const auto certificate = state_directory / "ca.pem";
  const auto key = state_directory / "ca.key";
  if (std::filesystem::exists(certificate) && std::filesystem::exists(key)) {
    auto certificate_pem = ReadFile(certificate);
    if (!certificate_pem.ok()) return certificate_pem.status();
    auto key_pem = ReadFile(key);
    if (!key_pem.ok()) return key_pem.status();
    return tls::Authority{*std::move(certificate_pem), *std::move(key_pem)};
  }
  if (std::filesystem::exists(certificate)) {
    return absl::FailedPreconditionError(
        Text(key.string(),
             ": missing though ca.pem is there; bring it back from a copy, or remove "
             "ca.pem to make a new CA (every machine must enrol it again)"));
  }
  tls::Authority authority = tls::MakeAuthority({});
  // The certificate last: a key alone is made anew.
  if (absl::Status status = WriteFile(key, authority.private_key_pem, 0600); !status.ok()) {
    return status;
  }
  if (absl::Status status = WriteFile(certificate, authority.certificate_pem, 0644); !status.ok()) {
    return status;
  }
  return authority;
}

absl::StatusOr<std::vector<tls::Certificate>> ReadChains(
    const std::vector<CertificateConfig>& files) {
  std::vector<tls::Certificate> chains;
  for (const CertificateConfig& file : files) {
    auto chain = ReadFile(file.chain);
    if (!chain.ok()) return chain.status();
    auto key = ReadFile(file.key);
    if (!key.ok()) return key.status();
    chains.push_back({file.chain.string(), *std::move(chain), *std::move(key)});
  }
  return chains;
}

absl::StatusOr<std::vector<tls::Certificate>> BootCertificates(const Config& config,
                                                               const tls::Authority& authority) {
  if (!config.certificates.empty()) return ReadChains(config.certificates);
  std::vector<tls::Certificate> certificates;
  for (const auto type : {tls::KeyType::kRsa3072, tls::KeyType::kEcdsaP256}) {
    tls::ServerRequest request;
    request.key_type = type;
    request.dns_names = config.boot_names;
    request.ip_addresses = AddressesOf(config);
    auto certificate =
        Issue(authority, request, type == tls::KeyType::kRsa3072 ? "boot-rsa" : "boot-ecdsa");
    if (!certificate.ok()) return certificate.status();
    certificates.push_back(*std::move(certificate));
  }
  return certificates;
}

absl::StatusOr<tls::Certificate> ManagementCertificate(const Config& config,
                                                       const tls::Authority& authority) {
  tls::ServerRequest request;
  request.key_type = tls::KeyType::kEcdsaP256;
  request.dns_names = config.management_names;
  std::vector<std::string> addresses = {"127.0.0.1"};
  if (config.management.address.is_unspecified()) {
    const auto local = LocalAddresses();
    addresses.insert(addresses.end(), local.begin(), local.end());
  } else {
    addresses.push_back(config.management.address.ToString());
  }
  for (std::string& each : addresses) {
    if (std::ranges::find(request.ip_addresses, each) == request.ip_addresses.end()) {
      request.ip_addresses.push_back(std::move(each));
    }
  }
  return Issue(authority, request, "management");
}

absl::StatusOr<Token> LoadToken(const std::filesystem::path& state_directory) {
  const auto file = state_directory / "token";
  if (std::filesystem::exists(file)) {
    auto text = ReadFile(file);
    if (!text.ok()) return text.status();
    while (text->ends_with('\n')) text->pop_back();
    if (text->size() >= 32) return Token{*std::move(text), false};
  }
  Token token{MakeTokenText(), true};
  if (token.text.empty()) return absl::InternalError("no randomness for the token");
  if (absl::Status status = WriteFile(file, token.text + "\n", 0600); !status.ok()) return status;
  return token;
}

}  // namespace slipway::control
