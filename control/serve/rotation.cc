// SPDX-License-Identifier: Apache-2.0
//
// The certificates that Core serves with, and how they change without a refused connection: a new
// TLS context goes out with a new snapshot, and workers use the old one until they have taken it.
#include <algorithm>
#include <ctime>
#include <utility>

#include "control/config/certificate_cover.h"
#include "control/log.h"
#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {
namespace {

nlohmann::json Told(const std::vector<CertificateState>& certificates) {
  nlohmann::json told = nlohmann::json::object();
  for (const CertificateState& each : certificates) told[each.name] = each.fingerprint;
  return told;
}

CoveredHosts HostsOfBoot(const Config& config) {
  std::vector<std::string> addresses;
  for (const PortConfig& port : config.ports) {
    for (const Ipv4Prefix& own : port.addresses) addresses.push_back(own.address.ToString());
  }
  return BootHosts(config.boot_names, std::move(addresses));
}

// That nothing keeps the appliance from being reached, whatever became of its owner's certificate.
constexpr std::string_view kOursInstead = "; meanwhile our own is shown in its place";

// Appends what is wrong with the operator's chains, once where one is of both.
void Check(const std::vector<tls::Certificate>& chains, const CoveredHosts& hosts,
           std::vector<std::string>& mistakes) {
  for (const tls::Certificate& chain : chains) {
    for (const std::string& mistake : CertificateMistakes(chain.chain_pem, hosts)) {
      std::string line = Text(chain.name, ": ", mistake);
      if (std::ranges::find(mistakes, line) == mistakes.end()) mistakes.push_back(std::move(line));
    }
  }
}

absl::StatusOr<std::shared_ptr<const tls::Context>> ContextOf(const tls::ContextOptions& options) {
  auto context = tls::Context::Create(options);
  if (const auto* wrong = std::get_if<tls::ContextError>(&context)) {
    return absl::FailedPreconditionError(
        Text(wrong->where, ": ", wrong->what, "; ", wrong->remedy));
  }
  return std::get<std::shared_ptr<const tls::Context>>(std::move(context));
}

}  // namespace

struct Core::Issued {
  std::shared_ptr<const tls::Context> context;
  std::shared_ptr<const ManagementChains> management;
  std::vector<CertificateState> states;
  std::vector<CertificateFacts> facts;  // of the boot servers'
};

absl::Status Core::OpenAccess() {
  const auto& folder = config_.state_directory;
  auto authority = LoadAuthority(folder);
  if (!authority.ok()) return authority.status();
  authority_ = *std::move(authority);
  auto issued = Issue(Files::kStart);
  if (!issued.ok()) return issued.status();
  Take(*std::move(issued));
  auto token = LoadToken(folder);
  if (!token.ok()) return token.status();
  token_ = *std::move(token);
  const std::int64_t now = std::time(nullptr);
  return store_->SetFirstToken(HashOf(token_.text), now);
}

absl::StatusOr<ManagementChains> Core::IssueManagement(Files files) const {
  ManagementChains chains;
  auto own = ManagementCertificate(config_, authority_);
  if (!own.ok()) return own.status();
  chains.own = *std::move(own);
  if (files == Files::kLeave) {
    chains.brought = management_chains()->brought;
    return chains;
  }
  auto brought = ReadChains(config_.management_certificates);
  if (!brought.ok()) return brought.status();
  chains.brought = *std::move(brought);
  return chains;
}

// A chain that no client would take is not shown to any: what is in use stays. Where the boot
// servers' are the operator's, they are read, whatever `files` says: RenewManagement() is for those
// who would leave them.
absl::StatusOr<Core::Issued> Core::Issue(Files files) const {
  auto management = IssueManagement(files);
  if (!management.ok()) return management.status();
  auto boot = BootCertificates(config_, authority_);
  if (!boot.ok()) return boot.status();
  const bool is_boot_ours = config_.certificates.empty();
  std::vector<std::string> mistakes;
  if (!is_boot_ours) Check(*boot, HostsOfBoot(config_), mistakes);
  const CoveredHosts hosts = ManagementHosts(config_.management_names, config_.management.address);
  if (files == Files::kRead) Check(management->brought, hosts, mistakes);
  if (files == Files::kStart) {
    for (const tls::Certificate& chain : management->brought) {
      for (const std::string& mistake : FaultsOf(chain.chain_pem, hosts).others) {
        mistakes.push_back(Text(chain.name, ": ", mistake));
      }
    }
  }
  if (!mistakes.empty()) return absl::FailedPreconditionError(Join(mistakes, "; "));
  if (!management->brought.empty()) {
    // Not to serve with, but to hear what is wrong with a key or a chain.
    const auto trial = ContextOf({.certificates = management->brought, .ticket_keys = nullptr});
    if (!trial.ok()) return trial.status();
  }
  Issued issued;
  issued.states.push_back(StateOf({"ca", authority_.certificate_pem, ""}, false));
  for (const tls::Certificate& each : *boot) issued.states.push_back(StateOf(each, is_boot_ours));
  for (const tls::Certificate& each : management->brought) {
    if (std::ranges::find(issued.states, each.name, &CertificateState::name) !=
        issued.states.end()) {
      continue;
    }
    issued.states.push_back(StateOf(each, false));
  }
  issued.states.push_back(StateOf(management->own, true));  // the last: RenewManagement()
  issued.facts = FactsOf(*boot);
  issued.management = std::make_shared<const ManagementChains>(*std::move(management));
  auto context =
      ContextOf({.certificates = *std::move(boot),
                 .policy = config_.tls_policy == TlsPolicy::kModern ? tls::Policy::kModern
                                                                    : tls::Policy::kFirmware,
                 .ticket_keys = ticket_keys_});
  if (!context.ok()) return context.status();
  issued.context = *std::move(context);
  return issued;
}

void Core::Take(Issued issued) {
  tls_ = std::move(issued.context);
  const std::scoped_lock lock(certificates_mutex_);
  management_chains_ = std::move(issued.management);
  certificates_ = std::move(issued.states);
  boot_certificates_ = std::move(issued.facts);
}

void Core::TellOfOutOfDate() {
  const CoveredHosts hosts = ManagementHosts(config_.management_names, config_.management.address);
  for (const tls::Certificate& chain : management_chains()->brought) {
    const CertificateFaults faults = FaultsOf(chain.chain_pem, hosts);
    if (faults.dates.empty()) continue;
    const std::string words = Text(chain.name, ": ", Join(faults.dates, "; "), kOursInstead);
    LogError(Text("management's certificate ", words), {{"certificate", std::string(chain.name)}});
    Audit(DaemonActor(), "certificates out of date", nullptr, {{"why", words}});
  }
}

std::vector<CertificateFacts> Core::boot_certificates() const {
  const std::scoped_lock lock(certificates_mutex_);
  return boot_certificates_;
}

std::shared_ptr<const ManagementChains> Core::management_chains() const {
  const std::scoped_lock lock(certificates_mutex_);
  return management_chains_;
}

std::shared_ptr<const tls::Certificate> Core::management_certificate() const {
  const auto chains = management_chains();
  return {chains, &chains->own};
}

std::string Core::certificates_refusal() const {
  const std::scoped_lock lock(certificates_mutex_);
  return certificates_refusal_;
}

std::vector<CertificateState> Core::Certificates() const {
  const std::scoped_lock lock(certificates_mutex_);
  return certificates_;
}

absl::Status Core::RotateCertificates(const Actor& actor) {
  const std::scoped_lock turn(rotation_mutex_);
  const absl::Status status = Rotate(actor, Files::kRead);
  const std::string refusal(status.message());  // empty where it is good
  {
    const std::scoped_lock lock(certificates_mutex_);
    certificates_refusal_ = refusal;
  }
  if (!status.ok()) Audit(actor, "certificates refused", nullptr, {{"why", refusal}});
  return status;
}

absl::Status Core::Rotate(const Actor& actor, Files files) {
  // Keys take a while to make: without the core's lock, so that nothing waits.
  auto issued = Issue(files);
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

// Beside boot chains of others only this one is ours; no machine sees it, and so nothing is
// published.
absl::Status Core::RenewManagement() {
  auto management = IssueManagement(Files::kLeave);
  if (!management.ok()) return management.status();
  const auto before = Told(Certificates());
  {
    const std::scoped_lock certificates_lock(certificates_mutex_);
    certificates_.back() = StateOf(management->own, true);
    management_chains_ = std::make_shared<const ManagementChains>(*std::move(management));
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
    LogWarning(Text("certificate ", each.name, " ends in ", days,
                    " days; bring a new one, then 'slipway cert rotate'"),
               {{"certificate", std::string(each.name)}, {"days", days}});
  }
  if (!due) return;
  // Files of others are read when their owner says so: one that has ended, or is half copied, does
  // not keep ours from being renewed.
  const std::scoped_lock turn(rotation_mutex_);
  const absl::Status status =
      config_.certificates.empty() ? Rotate(DaemonActor(), Files::kLeave) : RenewManagement();
  if (!status.ok()) {
    LogError(Text("certificates are not renewed: ", std::string(status.message())));
  }
}

}  // namespace slipway::control
