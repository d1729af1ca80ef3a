// SPDX-License-Identifier: Apache-2.0
//
// What a failed handshake says: by the alerts (RFC 5246 7.2, RFC 8446 6), and, where firmware sent
// none, by what our certificates hold.
#include <algorithm>
#include <charconv>

#include "control/boots/story.h"
#include "control/boots/words.h"
#include "control/text.h"
#include "protocols/http/request.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;

// Names are the same in either case (RFC 4343).
bool Matches(std::string_view pattern, std::string_view host) {
  if (http::EqualIgnoringCase(pattern, host)) return true;
  const std::size_t dot = host.find('.');
  return pattern.starts_with("*.") && dot != host.npos &&
         http::EqualIgnoringCase(pattern.substr(1), host.substr(dot));
}

bool Holds(const CertificateFacts& certificate, std::string_view host) {
  return std::ranges::any_of(certificate.names,
                             [&](const std::string& name) { return Matches(name, host); });
}

// A name that it asked for and that our certificates do not hold; empty: none.
std::string MissingName(const Story& story, const BootStep* offered) {
  const auto& certificates = story.around().certificates;
  if (certificates.empty()) return {};
  const std::string_view sni = offered == nullptr ? "" : FactText(offered->text, "sni");
  for (const std::string_view host : {sni, story.OfferedHost()}) {
    const auto holds = [&](const CertificateFacts& each) { return Holds(each, host); };
    if (!host.empty() && std::ranges::none_of(certificates, holds)) return std::string(host);
  }
  return {};
}

// RFC 8422, 5289, 6655, 7251, 7905 and 6209: suites signed by ECDSA.
bool NeedsEcdsa(unsigned suite) {
  return (suite >= 0xc001 && suite <= 0xc00a) || suite == 0xc023 || suite == 0xc024 ||
         suite == 0xc02b || suite == 0xc02c || suite == 0xc048 || suite == 0xc049 ||
         suite == 0xc05c || suite == 0xc05d || suite == 0xc072 || suite == 0xc073 ||
         suite == 0xc086 || suite == 0xc087 || (suite >= 0xc0ac && suite <= 0xc0af) ||
         suite == 0xcca9;
}

struct Wanted {
  bool rsa = false;
  bool ecdsa = false;
  bool either = false;  // TLS 1.3 does not tie a suite to a key
};
Wanted KeysWanted(std::string_view suites) {
  constexpr unsigned kRenegotiationInfo = 0x00ff;  // no suites: signals (RFC 5746, RFC 7507)
  constexpr unsigned kFallback = 0x5600;
  Wanted wanted;
  while (!suites.empty()) {
    const std::size_t end = std::min(suites.find(','), suites.size());
    unsigned suite = 0;
    std::from_chars(suites.data(), suites.data() + end, suite, 16);
    suites.remove_prefix(std::min(end + 1, suites.size()));
    if (suite == kRenegotiationInfo || suite == kFallback || (suite & 0x0f0f) == 0x0a0a) continue;
    if (suite >> 8 == 0x13) {
      wanted.either = true;
    } else {
      (NeedsEcdsa(suite) ? wanted.ecdsa : wanted.rsa) = true;
    }
  }
  return wanted;
}

// Whether everything it offers needs a key that none of our certificates has.
bool NeedsAnotherKey(const Story& story, const BootStep* offered) {
  const auto& certificates = story.around().certificates;
  if (certificates.empty() || offered == nullptr) return false;
  const Wanted wanted = KeysWanted(FactText(offered->text, "suites"));
  const bool has_rsa = std::ranges::any_of(certificates, &CertificateFacts::rsa);
  const bool has_ecdsa = !std::ranges::all_of(certificates, &CertificateFacts::rsa);
  if (wanted.either || (!wanted.rsa && !wanted.ecdsa)) return false;
  return !(wanted.rsa && has_rsa) && !(wanted.ecdsa && has_ecdsa);
}

struct Chosen {
  CauseId cause;
  Certainty certainty = Certainty::kCertain;
  std::string detail = {};
};

// The certificate was refused, and nobody says why.
Chosen OfRefusedCertificate(const Story& story, const BootStep* offered, CauseId otherwise) {
  if (std::string name = MissingName(story, offered); !name.empty()) {
    return {CauseId::kNameMismatch, Certainty::kLikely, std::move(name)};
  }
  const std::int64_t now = story.now() / 1'000'000'000;
  for (const CertificateFacts& each : story.around().certificates) {
    if (now > each.not_after) return {CauseId::kCertificateExpired, Certainty::kLikely};
    if (now < each.not_before) return {CauseId::kCertificateNotYetValid, Certainty::kLikely};
  }
  return {otherwise, Certainty::kLikely};
}

Chosen OfAlertReceived(const Story& story, const BootStep* offered, std::int64_t alert) {
  switch (alert) {
    case 42:  // bad_certificate: OpenSSL's word for a wrong name and for one not yet valid
      return OfRefusedCertificate(story, offered, CauseId::kCertificateNotYetValid);
    case 43:  // unsupported_certificate
    case 71:  // insufficient_security
      return {CauseId::kKeyType};
    case 45:
      return {CauseId::kCertificateExpired};
    case 46:  // certificate_unknown: others' word for any of it
      return OfRefusedCertificate(story, offered, CauseId::kUnknownCa);
    case 48:
      return {CauseId::kUnknownCa};
    case 70:
      return {CauseId::kNoCommonVersion};
    default:
      return {CauseId::kHandshakeFailed};
  }
}

Chosen OfAlertSent(const Story& story, const BootStep* offered, const BootStep& failed) {
  if (failed.number == 70) return {CauseId::kNoCommonVersion};
  if (failed.number != 40 && failed.number != 71) return {CauseId::kHandshakeFailed};
  const bool no_signature = failed.text.find("signature algorithm") != failed.text.npos;
  if (no_signature || NeedsAnotherKey(story, offered)) return {CauseId::kKeyType};
  return {CauseId::kNoCommonSuite};
}

Chosen OfSilence(const Story& story, const BootStep* offered, const BootStep& failed) {
  if (failed.text == dataplane::kEndedBeforeHello) return {CauseId::kNoClientHello};
  if (failed.text == dataplane::kEndedWaiting) return {CauseId::kGaveUpWaiting};
  // What is no TLS at all: "http request", "wrong version number".
  if (failed.text != dataplane::kEndedAfterCertificate && offered == nullptr &&
      !failed.text.empty()) {
    return {CauseId::kNoClientHello};
  }
  // Whoever distrusts us says so by an alert or a reset; who says nothing more has gone.
  if (failed.text == dataplane::kEndedInSilence) return {CauseId::kHandshakeStalled};
  return OfRefusedCertificate(story, offered, CauseId::kUnknownCa);
}

}  // namespace

std::optional<Judgement> JudgeTls(const Story& story, const BootStep& failed) {
  const BootStep* offered = story.Last(EventKind::kTlsOffered, failed.connection);
  Chosen chosen = failed.extra >= 0    ? OfAlertReceived(story, offered, failed.extra)
                  : failed.number >= 0 ? OfAlertSent(story, offered, failed)
                                       : OfSilence(story, offered, failed);
  if (chosen.cause == CauseId::kHandshakeFailed) {
    chosen.detail = AlertWords(failed.number, failed.extra);
    if (chosen.detail.starts_with(", ")) chosen.detail.erase(0, 2);
  }
  return Judgement{chosen.cause,
                   chosen.certainty,
                   std::move(chosen.detail),
                   {story.Last(EventKind::kTcpOpened, failed.connection), offered, &failed,
                    story.EndOf(failed.connection)}};
}

}  // namespace slipway::control
