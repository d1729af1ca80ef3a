// SPDX-License-Identifier: Apache-2.0
#include "control/boots/words.h"

#include "control/text.h"
#include "protocols/base/drop.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;

struct AlertWord {
  std::int64_t code;
  std::string_view name;
};
constexpr AlertWord kAlerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {22, "record_overflow"},
    {40, "handshake_failure"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {112, "unrecognized_name"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
};

// What the operator can do about an alert.
std::string_view Remedy(std::int64_t sent, std::int64_t received) {
  switch (received) {
    case 42:
    case 46:
    case 48:
      return ": it does not trust our certificate; enrol the CA (slipway ca efi)";
    case 45:
      return ": our certificate is out of date for its clock; check both";
    default:
      break;
  }
  if (sent == 40 || sent == 71) return ": no suite or group in common; see tls.policy";
  if (sent == 70) return ": no TLS version in common; see tls.policy";
  return "";
}

}  // namespace

std::string_view Name(BootOutcome outcome) {
  switch (outcome) {
    case BootOutcome::kUnderWay:
      return "under way";
    case BootOutcome::kComplete:
      return "complete";
    case BootOutcome::kFailed:
      return "failed";
    case BootOutcome::kAbandoned:
      return "abandoned";
  }
  return "";
}

std::string_view AlertName(std::int64_t alert) {
  for (const AlertWord& word : kAlerts) {
    if (word.code == alert) return word.name;
  }
  return "unknown";
}

std::string TlsWords(std::int64_t version, std::string_view suite_and_group) {
  const std::string name = version == 0x0303   ? "TLS 1.2"
                           : version == 0x0304 ? "TLS 1.3"
                                               : Text("TLS version ", version);
  return suite_and_group.empty() ? name : Text(name, ", ", suite_and_group);
}

std::string TlsFailureWords(std::int64_t sent, std::int64_t received) {
  std::string words = "failed the TLS handshake";
  if (received >= 0) words += Text(", said ", AlertName(received), " (", received, ')');
  if (sent >= 0) words += Text(", was told ", AlertName(sent), " (", sent, ')');
  return words + std::string(Remedy(sent, received));
}

std::string_view PathOf(std::string_view method_and_path) {
  const std::size_t blank = method_and_path.find(' ');
  return blank == method_and_path.npos ? method_and_path : method_and_path.substr(blank + 1);
}

std::string Sentence(const BootStep& step) {
  const std::string words(Describe(step.kind).words);
  const std::string tail = step.text.empty() ? "" : ": " + step.text;
  switch (step.kind) {
    case EventKind::kDhcpAck:
      // A proxy acknowledges what it does not lease.
      return step.number > 0 ? Text(words, ", leased for ", step.number, " s") : words;
    case EventKind::kDhcpIgnored:
      return words + (step.text.empty() && step.number >= 0 &&
                              step.number < static_cast<std::int64_t>(kDropCount)
                          ? Text(": ", kDropDescriptions[step.number].sentence)
                          : tail);
    case EventKind::kTcpOpened:
      return Text(words, " to port ", step.number, ", segments of ", step.extra, " bytes");
    case EventKind::kTlsDone:
      return Text(words, ": ", TlsWords(step.number, step.text));
    case EventKind::kTlsFailed:
      return TlsFailureWords(step.number, step.extra);
    case EventKind::kAdmissionWaits:
      return Text(words, ' ', step.text, ", position ", step.number,
                  step.extra >= 0 ? Text(", expected in ", (step.extra + 999) / 1000, " s")
                                  : std::string());
    case EventKind::kAdmissionTurn:
      return Text(words, ", waited ", step.number, " ms ", step.text);
    case EventKind::kHttpRequest:
      return Text(words, ": ", step.text, ", answered ", step.number, ", ", step.extra, " bytes");
    case EventKind::kHttpProgress:
      return Text(words, ": ", step.number, " of ", step.extra, " bytes");
    case EventKind::kHttpComplete:
      return Text(words, ": ", step.text, ", ", step.number, " bytes");
    case EventKind::kTcpClosed:
      return Text(words, " after ", step.number, " bytes, ", step.extra, " segments sent again");
    case EventKind::kTcpReset:
    case EventKind::kTcpTimedOut:
      return Text(words, ", ", step.number, " bytes unacknowledged");
    case EventKind::kDhcpDiscover:
    case EventKind::kDhcpOffer:
    case EventKind::kDhcpRequest:
    case EventKind::kDhcpNak:
    case EventKind::kDhcpOther:
    case EventKind::kDnsQuery:
    case EventKind::kImageWanted:
    case EventKind::kAddressConflict:
    case EventKind::kLinkChanged:
      return words + tail;
  }
  return words;
}

std::string WhereItStands(const Boot& boot) {
  return boot.steps.empty() ? "was seen" : Sentence(boot.steps.back());
}

}  // namespace slipway::control
