// SPDX-License-Identifier: Apache-2.0
//
// Certificates: the CA, the boot servers' chains and the management interface's, and how they
// change without a refused connection: handshakes under way end with the old ones, connections and
// tickets go on. After an error everything is as it was.
//
// Calls may come from any thread; changes take turns. What is ours is issued, and looked at as a
// client would, before anybody has to wait for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/state/authorities.h"
#include "control/state/certificate_facts.h"
#include "control/state/certificate_state.h"
#include "control/state/management_chains.h"
#include "control/store/store.h"
#include "tls/context.h"

namespace slipway::control {

class Certificates {
 public:
  // What outlives it.
  struct Around {
    const Config& config;
    Store& store;
    std::shared_ptr<tls::TicketKeys> ticket_keys;
    // Gives machines the context, or changes nothing. It calls nothing of this.
    std::function<absl::Status(std::shared_ptr<const tls::Context>)> publish;
  };

  // Reads the CA of the state directory, or makes one, and issues what is ours. `context` is what
  // the boot servers begin with: it is not published by this.
  static absl::StatusOr<std::unique_ptr<Certificates>> Open(
      Around around, std::shared_ptr<const tls::Context>& context);

  // The CA in use now, and beside it the other one of a rotation; never null.
  std::shared_ptr<const Authorities> authorities() const;
  // Management's that are in use now; never null. The REST server asks at each handshake.
  std::shared_ptr<const ShownChains> shown_chains() const;
  // Of management's the one that our CA signed.
  std::shared_ptr<const tls::Certificate> management_certificate() const;
  // Of the boot servers', for the diagnosis of a boot.
  std::vector<CertificateFacts> boot_facts() const;
  // Of everything in use: the CA and a rotation's, the boot servers', management's. A file of both
  // is there once.
  std::vector<CertificateState> All() const;

  // New boot and management certificates: issued anew by our CA, and those of the configuration
  // read again from their files, where clients would take them (certificate_cover.h). After an
  // error the audit log, so the feed, has why.
  absl::Status Rotate(const Actor& actor);
  // Why the last Rotate() was refused, so that what is in use is older than its files; empty: it
  // was not.
  std::string refusal() const;
  // The next step of the CA's own rotation (ca_rotation.cc), as After() has it, on disk before it
  // is told.
  absl::Status StepCa(CaStep step, const Actor& actor);
  // Issues anew what is ours and ends within kRenewDays.
  void Renew(std::int64_t now_unix_seconds);
  // Notes those of management that keep no start from succeeding, and are not shown.
  void TellOfOutOfDate() const;

  // While it is held, nothing changes: for a copy of the state directory.
  [[nodiscard]] std::unique_lock<std::mutex> Hold() { return std::unique_lock(turn_); }

 private:
  struct Issued;
  enum class Files : std::uint8_t { kLeave, kRead, kStart };  // of the operator's chains
  using CaNow = std::shared_ptr<const Authorities>;

  explicit Certificates(Around around) : around_(std::move(around)) {}
  std::shared_ptr<const ManagementChains> management_chains() const;
  absl::StatusOr<Issued> Issue(Files files, const CaNow& ca) const;
  absl::StatusOr<ManagementChains> IssueManagement(Files files, const Authorities& ca) const;
  // Where the boot servers' are the operator's: management's alone. No machine sees it.
  absl::StatusOr<Issued> IssueOurs(const CaNow& ca) const;
  // These two are called in turn. Published, or nothing has changed.
  absl::Status Serve(Issued issued);
  absl::Status ServeNoted(const Actor& actor, Issued issued);
  void Take(Issued issued);

  const Around around_;
  std::mutex turn_;           // one change at a time
  mutable std::mutex mutex_;  // what follows; taken within turn_
  CaNow authorities_;
  std::shared_ptr<const ManagementChains> management_chains_;
  std::shared_ptr<const ShownChains> shown_chains_;  // the same
  std::string refusal_;
  std::vector<CertificateState> states_;  // without the CA's; management's own is the last
  std::vector<CertificateFacts> boot_facts_;
};

}  // namespace slipway::control
