// SPDX-License-Identifier: Apache-2.0
//
// The CA, and while it is rotated the one beside it.
//
//     steady --rotate--> prepared --activate--> active --retire--> steady, with the new one
//       ^---withdraw--------' ^-----deactivate----'
//
// prepared: the next CA is made and handed out for enrolment; the old one signs, as before.
// active:   the new one signs. Each chain has its certificate by the old one behind the server's
//           (RFC 4210 4.4's NewWithOld), so that whoever knows the old one alone still verifies.
//
// On disk: ca.key is the key that signs, ca.pem what clients are to trust, the one that signs
// first. While there are two CAs, ca.rotation (JSON, mode 0600) has everything of both, and is what
// counts: it comes, is replaced and goes in one step each, and a start puts the other two files
// right by it. So a process that is killed, at any instant, leaves the state before or the one
// after.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/state/certificate_state.h"
#include "tls/certificates.h"

namespace slipway::control {

enum class CaPhase : std::uint8_t { kSteady, kPrepared, kActive };
// "steady", "prepared", "active".
std::string_view NameOf(CaPhase phase);

struct Authorities {
  CaPhase phase = CaPhase::kSteady;
  tls::Authority issuing;  // signs the servers' certificates
  tls::Authority other;    // prepared: the next; active: the previous; steady: empty
  std::string cross_pem;   // the new one's certificate by the old one; steady: empty
};

// What clients are to trust: PEM of one certificate, or of two, the one that signs first.
std::string BundleOf(const Authorities& authorities);
// Of the CA that will be left in the end: the next, while there is one.
const std::string& NewestOf(const Authorities& authorities);
// What stands behind each server's certificate at that time: active, the cross certificate while it
// is valid; else nothing.
std::string ChainTail(const Authorities& authorities, std::int64_t unix_seconds);
// "ca", and beside it "ca-next" or "ca-previous".
std::vector<CertificateState> StatesOf(const Authorities& authorities);
enum class CaStep : std::uint8_t { kRotate, kWithdraw, kActivate, kDeactivate, kRetire };
// "rotate", "withdraw", "activate", "deactivate", "retire".
std::string_view NameOf(CaStep step);

// What an operator does next, in words.
std::string NextStep(const Authorities& authorities);
// The same to whoever took this step, which may leave something to do at the clients.
std::string NextStepAfter(CaStep step, const Authorities& authorities);

// One that is not renewed by itself is warned of when it has fewer days left: kRenewDays; the CA's,
// which takes a walk to every machine, 90.
std::int64_t WarnDays(const CertificateState& state);
// What is to be done about it.
std::string EndRemedy(const CertificateState& state, CaPhase phase);

// `now` itself where it is where the step leads. FailedPrecondition, and which step is next, where
// it is not the step's turn. kRotate makes a key, which takes a second.
absl::StatusOr<Authorities> After(CaStep step, const Authorities& now);

// One change of a file of the state directory, in one instant; an empty text: it goes.
struct CaFileStep {
  std::string name;
  std::string text;
  unsigned mode = 0;
};
// In this order from any state to `wanted`. The first that changes or takes away ca.rotation is the
// one by which it is so.
std::vector<CaFileStep> StepsTo(const Authorities& wanted);
// On disk when it returns, the folder's entry too.
absl::Status Apply(const CaFileStep& step, const std::filesystem::path& state_directory);

// All steps. After an error they may be one or the other: store what is to count.
absl::Status StoreAuthorities(const std::filesystem::path& state_directory,
                              const Authorities& wanted);
// Reads what was stored, or makes a CA, and puts right what a killed process left half done.
// DataLoss, with the remedy, where ca.rotation is damaged.
absl::StatusOr<Authorities> LoadAuthorities(const std::filesystem::path& state_directory);

}  // namespace slipway::control
