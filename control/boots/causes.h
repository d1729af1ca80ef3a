// SPDX-License-Identifier: Apache-2.0
//
// Causes: one table of why machines do not boot. It makes the words of a boot's outcome, what
// `slipway why` says, and docs/troubleshooting.md (a test holds that file to it byte for byte).
//
// A cause's id is stable: scripts, alerts and stored boots name it. How a cause is recognised is
// diagnosis.h's part.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway::control {

enum class CauseId : std::uint8_t {
  // Nothing is wrong, or not yet.
  kComplete,
  kUnderWay,
  kWaitsForItsTurn,
  kLeftToNextBoot,
  kHeld,
  // DHCP.
  kNeverSeen,
  kUnknownMachine,
  kNotABootClient,
  kNoNetwork,
  kPoolEmpty,
  kAddressConflict,
  kLeaseRefused,
  kJournalBehind,
  kReplyTooLong,
  kOtherServer,
  kNoBootFile,
  kPxeOnly,
  kImageSetMissing,
  kNoBootOffered,
  kVendorClassLost,
  kVendorClassLostInReply,
  kOfferNotTaken,
  kNotAnswered,
  // Between DHCP and TCP.
  kSilentWithAddress,
  kNameNotOurs,
  kPlainHttpOff,
  kNeverConnected,
  kGaveUpWaiting,
  // TLS.
  kNoClientHello,
  kUnknownCa,
  kCertificateExpired,
  kCertificateNotYetValid,
  kNameMismatch,
  kKeyType,
  kNoCommonSuite,
  kNoCommonVersion,
  kHandshakeStalled,
  kHandshakeFailed,
  // HTTP and the transfer.
  kNoRequest,
  kNotFound,
  kNotLoaded,
  kRequestRefused,
  kNoGetAfterHead,
  kWindowClosed,
  kReceiveRingFull,
  kStoppedAnswering,
  kResetWhileLoading,
  // After the transfer.
  kSecureBootRefused,
  kNextFileMissing,
  kBootLoop,
  kWentSilent,
};

enum class Verdict : std::uint8_t { kFine, kPending, kFailed };

struct Cause {
  CauseId cause;
  std::string_view id;  // "tls.unknown_ca"
  Verdict verdict;
  std::string_view sentence;  // what the machine did: "was never seen on the wire"
  std::string_view seen;      // what in its story says so
  std::string_view remedy;    // what to do; one step a line
};

std::span<const Cause> Causes();  // in the order of CauseId
const Cause& Describe(CauseId cause);
const Cause* FindCause(std::string_view id);  // null: no cause has this id

// docs/troubleshooting.md.
std::string TroubleshootingDocument();

}  // namespace slipway::control
