// SPDX-License-Identifier: Apache-2.0
#include "control/boots/words.h"

#include <algorithm>
#include <charconv>

#include "control/boots/firmware.h"
#include "control/boots/story.h"
#include "control/decided_by.h"
#include "control/text.h"
#include "protocols/base/drop.h"
#include "protocols/base/ipv4.h"

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

constexpr std::int64_t kDecline = 4;  // DHCP's message type (RFC 2132 9.6)

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

std::string AlertWords(std::int64_t sent, std::int64_t received) {
  std::string words;
  if (received >= 0) words += Text(", said ", AlertName(received), " (", received, ')');
  if (sent >= 0) words += Text(", was told ", AlertName(sent), " (", sent, ')');
  return words;
}

bool IsBootClient(std::string_view text) {
  return text.starts_with("HTTPClient") || text.starts_with("PXEClient") ||
         text.starts_with("iPXE");
}

std::string_view PathOf(std::string_view method_and_path) {
  const std::size_t blank = method_and_path.find(' ');
  return blank == method_and_path.npos ? method_and_path : method_and_path.substr(blank + 1);
}

std::string_view FactText(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=') {
      return word.substr(name.size() + 1);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

std::int64_t Fact(std::string_view text, std::string_view name) {
  const std::string_view digits = FactText(text, name);
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

namespace {

std::string Milliseconds(std::int64_t microseconds) {
  return Text(microseconds / 1000, '.', microseconds % 1000 / 100, " ms");
}

std::string Address(std::int64_t value) {
  return Ipv4Address(static_cast<std::uint32_t>(value)).ToString();
}

std::string IgnoredWords(const BootStep& step) {
  // A step that an older release stored has the sentence.
  if (const std::string_view rule = FactText(step.text, "rule"); !rule.empty()) {
    return Text(": ", Describe(Drop::kDhcpHeld).sentence, ", by ",
                rule == kOwnRecord ? "its own record" : Text("rule ", rule));
  }
  const bool is_named = step.number >= 0 && step.number < static_cast<std::int64_t>(kDropCount);
  std::string words = step.text.empty() && is_named
                          ? Text(": ", kDropDescriptions[step.number].sentence)
                      : step.text.empty() ? ""
                                          : ": " + step.text;
  if (step.extra != 0) words += ", " + Address(step.extra);
  return words;
}

std::string OpenedWords(const BootStep& step) {
  std::string words = Text(" to port ", step.number, ", segments of ", step.extra, " bytes");
  if (step.text.empty()) return words;
  words += Text(", window ", Fact(step.text, "window"));
  if (const auto scale = Fact(step.text, "scale")) words += Text(" scaled by ", 1 << scale);
  if (Fact(step.text, "sack") != 0) words += ", SACK";
  if (Fact(step.text, "timestamps") != 0) words += ", timestamps";
  return words + ", round trip " + Milliseconds(Fact(step.text, "rtt_us"));
}

// How a connection went, from the facts of its end.
std::string EndedWords(std::string_view text) {
  std::string words;
  if (const auto because = FactText(text, "because"); !because.empty()) {
    words += Text(" (", because, ')');
  }
  if (const auto rtt = Fact(text, "rtt_us")) words += ", round trip " + Milliseconds(rtt);
  if (const auto timeouts = Fact(text, "timeouts")) words += Text(", ", timeouts, " timeouts");
  if (Fact(text, "closed_ms") != 0) {
    words += Text(", window closed for ", Fact(text, "closed_ms") / 1000, " s");
  }
  return words;
}

std::string OfferedWords(const BootStep& step) {
  std::string words = Text(' ', TlsWords(step.number, "").substr(4), ", ", step.extra, " suites");
  if (const auto name = FactText(step.text, "sni"); !name.empty()) {
    words += Text(", for the name ", name);
  }
  if (const auto suites = FactText(step.text, "suites"); !suites.empty()) {
    words += Text(": ", suites);
  }
  return words;
}

}  // namespace

std::string Sentence(const BootStep& step) {
  std::string words(Describe(step.kind).words);
  const std::string tail = step.text.empty() ? "" : ": " + step.text;
  switch (step.kind) {
    case EventKind::kDhcpDiscover:
    case EventKind::kDhcpRequest:
      return Text(words, step.text.empty() ? "" : ": ",
                  IsIpxe(step.text) ? dataplane::kIpxeMark : "", VendorClassOf(step.text)) +
             (step.extra != 0 ? ", through relay " + Address(step.extra) : "");
    case EventKind::kDhcpConflict:
      return step.text.empty() ? words : Text(words, ", by ", step.text);
    case EventKind::kDnsQuery:
      return words + tail + (step.extra == 0 ? "" : ", which we do not know");
    case EventKind::kDhcpAck:
      // A proxy acknowledges what it does not lease.
      return step.number > 0 ? Text(words, ", leased for ", step.number, " s") : words;
    case EventKind::kDhcpIgnored:
      return words + IgnoredWords(step);
    case EventKind::kTcpOpened:
      return words + OpenedWords(step);
    case EventKind::kTcpRefused:
      return Text(words, ": ", step.number,
                  step.number == kHttpPort ? ", plain HTTP, as boot.http is off" : "");
    case EventKind::kTlsOffered:
      return words + OfferedWords(step);
    case EventKind::kTlsDone:
      return Text(words, ": ", TlsWords(step.number, step.text));
    case EventKind::kTlsFailed:
      return Text(words, AlertWords(step.number, step.extra), tail);
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
      return Text(words, " after ", step.number, " bytes, ", step.extra, " segments sent again",
                  EndedWords(step.text));
    case EventKind::kTcpReset:
    case EventKind::kTcpTimedOut:
      return Text(words, ", ", step.number, " bytes unacknowledged, ", step.extra,
                  " segments sent again", EndedWords(step.text));
    case EventKind::kDhcpOther:
      return step.number == kDecline ? Text("declined its address", tail) : words + tail;
    case EventKind::kDhcpOffer:
    case EventKind::kDhcpNak:
    case EventKind::kArpAsked:
    case EventKind::kImageWanted:
    case EventKind::kAddressConflict:
    case EventKind::kLinkChanged:
      return words + tail;
  }
  return words;
}

bool HasFile(const BootStep& request) {
  return request.number < 300 && request.extra > 0 && !request.text.starts_with("HEAD");
}

std::string WhereItStands(const Boot& boot) {
  return boot.steps.empty() ? "was seen" : Sentence(boot.steps.back());
}

}  // namespace slipway::control
