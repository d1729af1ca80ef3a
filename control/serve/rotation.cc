// SPDX-License-Identifier: Apache-2.0
//
// The certificates that Core serves with, and how they change without a refused connection: a new
// TLS context goes out with a new snapshot, and workers use the old one until they have taken it.
#include <ctime>
#include <iostream>
#include <utility>

#include "control/config/certificate_cover.h"
#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {
namespace {

nlohmann::json Told(const std::vector<CertificateState>& certificates) {
  nlohmann::json told = nlohmann::json::object();
  for (const CertificateState& each : certificates) told[each.name] = each.fingerprint;
  return told;
}

}  // namespace

struct Core::Issued {
  std::shared_ptr<const tls::Context> context;
  std::shared_ptr<const tls::Certificate> management;
  std::vector<CertificateState> states;
  std::vector<CertificateFacts> facts;  // of the boot servers'
};

// A chain that no machine would take is not shown to any: what is in use stays.
absl::Status Core::CheckBrought(const std::vector<tls::Certificate>& chains) const {
  BootHosts hosts{.names = config_.boot_names, .addresses = {}};
  for (const PortConfig& port : config_.ports) {
    for (const Ipv4Prefix& own : port.addresses) hosts.addresses.push_back(own.address.ToString());
  }
  std::vector<std::string> mistakes;
  for (const tls::Certificate& chain : chains) {
    for (const std::string& mistake : CertificateMistakes(chain.chain_pem, hosts)) {
      mistakes.push_back(Text(chain.name, ": ", mistake));
    }
  }
  return mistakes.empty() ? absl::OkStatus() : absl::FailedPreconditionError(Join(mistakes, "; "));
}

absl::Status Core::OpenAccess() {
  const auto& folder = config_.state_directory;
  auto authority = LoadAuthority(folder);
  if (!authority.ok()) return authority.status();
  authority_ = *std::move(authority);
  auto issued = Issue();
  if (!issued.ok()) return issued.status();
  Take(*std::move(issued));
  auto token = LoadToken(folder);
  if (!token.ok()) return token.status();
  token_ = *std::move(token);
  const std::int64_t now = std::time(nullptr);
  return store_->SetFirstToken(HashOf(token_.text), now);
}

absl::StatusOr<Core::Issued> Core::Issue() const {
  Issued issued;
  auto management = ManagementCertificate(config_, authority_);
  if (!management.ok()) return management.status();
  auto boot = BootCertificates(config_, authority_);
  if (!boot.ok()) return boot.status();
  if (!config_.certificates.empty()) {
    if (absl::Status status = CheckBrought(*boot); !status.ok()) return status;
  }
  issued.states.push_back(StateOf({"ca", authority_.certificate_pem, ""}, false));
  for (const tls::Certificate& each : *boot) {
    issued.states.push_back(StateOf(each, config_.certificates.empty()));
  }
  issued.states.push_back(StateOf(*management, true));  // the last: RenewManagement()
  issued.facts = FactsOf(*boot);
  issued.management = std::make_shared<const tls::Certificate>(*std::move(management));
  auto context = tls::Context::Create({.certificates = *std::move(boot),
                                       .policy = config_.tls_policy == TlsPolicy::kModern
                                                     ? tls::Policy::kModern
                                                     : tls::Policy::kFirmware,
                                       .ticket_keys = ticket_keys_});
  if (const auto* wrong = std::get_if<tls::ContextError>(&context)) {
    return absl::FailedPreconditionError(
        Text(wrong->where, ": ", wrong->what, "; ", wrong->remedy));
  }
  issued.context = std::get<std::shared_ptr<const tls::Context>>(std::move(context));
  return issued;
}

void Core::Take(Issued issued) {
  tls_ = std::move(issued.context);
  const std::scoped_lock lock(certificates_mutex_);
  management_certificate_ = std::move(issued.management);
  certificates_ = std::move(issued.states);
  boot_certificates_ = std::move(issued.facts);
}

std::vector<CertificateFacts> Core::boot_certificates() const {
  const std::scoped_lock lock(certificates_mutex_);
  return boot_certificates_;
}

std::shared_ptr<const tls::Certificate> Core::management_certificate() const {
  const std::scoped_lock lock(certificates_mutex_);
  return management_certificate_;
}

std::vector<CertificateState> Core::Certificates() const {
  const std::scoped_lock lock(certificates_mutex_);
  return certificates_;
}

absl::Status Core::RotateCertificates(const Actor& actor) {
  // Keys take a while to make: without the lock, so that nothing waits.
  auto issued = Issue();
  if (!issued.ok()) return issued.status();
  const auto before = Told(Certificates());
  {
    const std::scoped_lock lock(mutex_);
    // Machines get theirs first, which may fail: all certificates change, or none.
    const auto old = std::exchange(tls_, issued->context);
    if (absl::Status status = RepublishLocked(); !status.ok()) {
      tls_ = old;
      return status;
    }
    Take(*std::move(issued));
  }
  Audit(actor, "certificates", before, Told(Certificates()));
  return absl::OkStatus();
}

// Beside chains of others nothing else is ours; no machine sees it, and so nothing is published.
absl::Status Core::RenewManagement() {
  auto management = ManagementCertificate(config_, authority_);
  if (!management.ok()) return management.status();
  const auto before = Told(Certificates());
  {
    const std::scoped_lock lock(mutex_);  // no rotation is half done
    const std::scoped_lock certificates_lock(certificates_mutex_);
    certificates_.back() = StateOf(*management, true);
    management_certificate_ = std::make_shared<const tls::Certificate>(*std::move(management));
  }
  Audit(DaemonActor(), "certificates", before, Told(Certificates()));
  return absl::OkStatus();
}

void Core::RenewCertificates(std::int64_t now_unix_seconds) {
  bool due = false;
  for (const CertificateState& each : Certificates()) {
    const std::int64_t days = DaysLeft(each, now_unix_seconds);
    if (days >= kRenewDays) continue;
    due = due || each.is_ours;
    if (each.is_ours) continue;
    std::cerr << "slipwayd: certificate " << each.name << " ends in " << days
              << " days; bring a new one, then 'slipway cert rotate'\n";
  }
  if (!due) return;
  // Files of others are read when their owner says so: one that has ended, or is half copied, does
  // not keep ours from being renewed.
  const absl::Status status =
      config_.certificates.empty() ? RotateCertificates(DaemonActor()) : RenewManagement();
  if (!status.ok()) {
    std::cerr << "slipwayd: certificates are not renewed: " << status.message() << '\n';
  }
}

}  // namespace slipway::control
