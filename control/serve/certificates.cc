// SPDX-License-Identifier: Apache-2.0
//
#include "control/serve/certificates.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

#include "control/config/certificate_cover.h"
#include "control/log.h"
#include "control/serve/issued.h"
#include "control/serve/note.h"
#include "control/state/secrets.h"
#include "control/text.h"

namespace slipway::control {
namespace {

CoveredHosts HostsOfBoot(const Config& config) {
  std::vector<std::string> addresses;
  for (const PortConfig& port : config.ports) {
    for (const Ipv4Prefix& own : port.addresses) addresses.push_back(own.address.ToString());
  }
  return BootHosts(config.boot_names, std::move(addresses));
}

// That nothing keeps the appliance from being reached, whatever became of its owner's certificate.
constexpr std::string_view kOursInstead =
    "; meanwhile another one that is valid is shown, or our own";

// Appends what is wrong with the operator's chains, once where one is of both.
// `in_use`: chains whose dates are no mistake, as they were borne so far.
void Check(const std::vector<tls::Certificate>& chains, const CoveredHosts& hosts,
           const std::vector<tls::Certificate>& in_use, std::vector<std::string>& mistakes) {
  for (const tls::Certificate& chain : chains) {
    const CertificateFaults faults = FaultsOf(chain.chain_pem, hosts);
    std::vector<std::string> counted = faults.others;
    if (std::ranges::find(in_use, chain.chain_pem, &tls::Certificate::chain_pem) == in_use.end()) {
      counted.insert(counted.begin(), faults.dates.begin(), faults.dates.end());
    }
    for (const std::string& mistake : counted) {
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

absl::StatusOr<std::unique_ptr<Certificates>> Certificates::Open(
    Around around, std::shared_ptr<const tls::Context>& context) {
  std::unique_ptr<Certificates> all(new Certificates(std::move(around)));
  auto authorities = LoadAuthorities(all->around_.config.state_directory);
  if (!authorities.ok()) return authorities.status();
  auto issued =
      all->Issue(Files::kStart, std::make_shared<const Authorities>(*std::move(authorities)));
  if (!issued.ok()) return issued.status();
  context = issued->context;
  all->Take(*std::move(issued));
  return all;
}

absl::StatusOr<ManagementChains> Certificates::IssueManagement(Files files,
                                                               const Authorities& ca) const {
  ManagementChains chains;
  auto own = ManagementCertificate(around_.config, ca.issuing);
  if (!own.ok()) return own.status();
  chains.own = *std::move(own);
  chains.own.chain_pem += ChainTail(ca, std::time(nullptr));
  if (files == Files::kLeave) {
    chains.brought = management_chains()->brought;
    return chains;
  }
  auto brought = ReadChains(around_.config.management_certificates);
  if (!brought.ok()) return brought.status();
  chains.brought = *std::move(brought);
  return chains;
}

// A chain that no client would take is not shown to any: what is in use stays. Where the boot
// servers' are the operator's, they are read, whatever `files` says: IssueOurs() is for those who
// would leave them.
absl::StatusOr<Certificates::Issued> Certificates::Issue(Files files, const CaNow& ca) const {
  auto management = IssueManagement(files, *ca);
  if (!management.ok()) return management.status();
  auto boot = BootCertificates(around_.config, ca->issuing);
  if (!boot.ok()) return boot.status();
  const bool is_boot_ours = around_.config.certificates.empty();
  if (is_boot_ours) {
    for (tls::Certificate& each : *boot) each.chain_pem += ChainTail(*ca, std::time(nullptr));
  }
  std::vector<std::string> mistakes;
  if (!is_boot_ours) Check(*boot, HostsOfBoot(around_.config), {}, mistakes);
  const CoveredHosts hosts =
      ManagementHosts(around_.config.management_names, around_.config.management.address);
  // One that has ended keeps neither a start nor what else changes from succeeding.
  if (files == Files::kRead) {
    Check(management->brought, hosts, management_chains()->brought, mistakes);
  }
  if (files == Files::kStart) Check(management->brought, hosts, management->brought, mistakes);
  if (!mistakes.empty()) return absl::FailedPreconditionError(Join(mistakes, "; "));
  if (!management->brought.empty()) {
    // Not to serve with, but to hear what is wrong with a key or a chain.
    const auto trial = ContextOf({.certificates = management->brought, .ticket_keys = nullptr});
    if (!trial.ok()) return trial.status();
  }
  Issued issued;
  issued.authorities = ca;
  for (const tls::Certificate& each : *boot) issued.states.push_back(StateOf(each, is_boot_ours));
  for (const tls::Certificate& each : management->brought) {
    if (std::ranges::find(issued.states, each.name, &CertificateState::name) !=
        issued.states.end()) {
      continue;
    }
    issued.states.push_back(StateOf(each, false));
  }
  issued.states.push_back(StateOf(management->own, true));  // the last: IssueOurs()
  issued.facts = FactsOf(*boot);
  issued.management = std::make_shared<const ManagementChains>(*std::move(management));
  auto context =
      ContextOf({.certificates = *std::move(boot),
                 .policy = around_.config.tls_policy == TlsPolicy::kModern ? tls::Policy::kModern
                                                                           : tls::Policy::kFirmware,
                 .ticket_keys = around_.ticket_keys});
  if (!context.ok()) return context.status();
  issued.context = *std::move(context);
  return issued;
}

absl::StatusOr<Certificates::Issued> Certificates::IssueOurs(const CaNow& ca) const {
  if (around_.config.certificates.empty()) return Issue(Files::kLeave, ca);
  auto management = IssueManagement(Files::kLeave, *ca);
  if (!management.ok()) return management.status();
  Issued issued;
  {
    const std::scoped_lock lock(mutex_);
    issued.states = states_;
    issued.facts = boot_facts_;
  }
  issued.states.back() = StateOf(management->own, true);
  issued.authorities = ca;
  issued.management = std::make_shared<const ManagementChains>(*std::move(management));
  return issued;
}

void Certificates::Take(Issued issued) {
  auto shown = std::make_shared<const ShownChains>(*issued.management);
  const std::scoped_lock lock(mutex_);
  authorities_ = std::move(issued.authorities);
  management_chains_ = std::move(issued.management);
  shown_chains_ = std::move(shown);
  states_ = std::move(issued.states);
  boot_facts_ = std::move(issued.facts);
}

void Certificates::TellOfOutOfDate() const {
  const CoveredHosts hosts =
      ManagementHosts(around_.config.management_names, around_.config.management.address);
  for (const tls::Certificate& chain : management_chains()->brought) {
    const CertificateFaults faults = FaultsOf(chain.chain_pem, hosts);
    if (faults.dates.empty()) continue;
    const std::string words = Text(chain.name, ": ", Join(faults.dates, "; "), kOursInstead);
    LogError(Text("management's certificate ", words), {{"certificate", std::string(chain.name)}});
    NoteDone(around_.store, DaemonActor(), "certificates out of date", nullptr, {{"why", words}});
  }
}

std::shared_ptr<const Authorities> Certificates::authorities() const {
  const std::scoped_lock lock(mutex_);
  return authorities_;
}

std::vector<CertificateFacts> Certificates::boot_facts() const {
  const std::scoped_lock lock(mutex_);
  return boot_facts_;
}

std::shared_ptr<const ManagementChains> Certificates::management_chains() const {
  const std::scoped_lock lock(mutex_);
  return management_chains_;
}

std::shared_ptr<const ShownChains> Certificates::shown_chains() const {
  const std::scoped_lock lock(mutex_);
  return shown_chains_;
}

std::shared_ptr<const tls::Certificate> Certificates::management_certificate() const {
  const auto chains = management_chains();
  return {chains, &chains->own};
}

std::string Certificates::refusal() const {
  const std::scoped_lock lock(mutex_);
  return refusal_;
}

std::vector<CertificateState> Certificates::All() const {
  CaNow ca;
  std::vector<CertificateState> rest;
  {
    const std::scoped_lock lock(mutex_);
    ca = authorities_;
    rest = states_;
  }
  std::vector<CertificateState> all = StatesOf(*ca);
  all.insert(all.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
  return all;
}

absl::Status Certificates::Rotate(const Actor& actor) {
  const std::scoped_lock turn(turn_);
  auto issued = Issue(Files::kRead, authorities());
  const absl::Status status = issued.ok() ? ServeNoted(actor, *std::move(issued)) : issued.status();
  const std::string refusal(status.message());  // empty where it is good
  {
    const std::scoped_lock lock(mutex_);
    refusal_ = refusal;
  }
  if (!status.ok()) {
    NoteDone(around_.store, actor, "certificates refused", nullptr, {{"why", refusal}});
  }
  return status;
}

absl::Status Certificates::ServeNoted(const Actor& actor, Issued issued) {
  const auto before = FingerprintsOf(All());
  if (absl::Status status = Serve(std::move(issued)); !status.ok()) return status;
  NoteDone(around_.store, actor, "certificates", before, FingerprintsOf(All()));
  return absl::OkStatus();
}

// Machines get theirs first, which may fail: all certificates change, or none.
absl::Status Certificates::Serve(Issued issued) {
  if (issued.context != nullptr) {
    if (absl::Status status = around_.publish(issued.context); !status.ok()) return status;
  }
  Take(std::move(issued));
  return absl::OkStatus();
}

void Certificates::Renew(std::int64_t now_unix_seconds) {
  bool due = false;
  const CaPhase phase = authorities()->phase;
  for (const CertificateState& each : All()) {
    const std::int64_t days = DaysLeft(each, now_unix_seconds);
    if (days >= WarnDays(each)) continue;
    due = due || each.is_ours;
    if (each.is_ours) continue;
    LogWarning(
        Text("certificate ", each.name, " ends in ", days, " days; ", EndRemedy(each, phase)),
        {{"certificate", std::string(each.name)}, {"days", days}});
  }
  if (!due) return;
  // Files of others are read when their owner says so: one that has ended, or is half copied, does
  // not keep ours from being renewed.
  const std::scoped_lock turn(turn_);
  auto issued = IssueOurs(authorities());
  const absl::Status status =
      issued.ok() ? ServeNoted(DaemonActor(), *std::move(issued)) : issued.status();
  if (!status.ok()) {
    LogError(Text("certificates are not renewed: ", std::string(status.message())));
  }
}

}  // namespace slipway::control
