// SPDX-License-Identifier: Apache-2.0
#include "control/state/authorities.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <utility>
#include <variant>

#include "control/parse_json.h"
#include "control/state/secrets.h"
#include "control/text.h"
#include "control/whole_file.h"
#include "tls/pem.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kKey = "ca.key";
constexpr std::string_view kBundle = "ca.pem";
constexpr std::string_view kRotation = "ca.rotation";
constexpr unsigned kSecret = 0600;
constexpr unsigned kPublic = 0644;
constexpr std::int64_t kCaWarnDays = 90;

tls::X509Pointer FirstOf(const std::string& pem) {
  auto all = tls::ReadCertificates(pem);
  return all.empty() ? nullptr : std::move(all.front());
}

// Whether GnuTLS and Go, which know it alone, refuse what its successor signs (Succession).
bool AllowsNoSuccessor(const tls::Authority& authority) {
  const auto certificate = FirstOf(authority.certificate_pem);
  return certificate != nullptr && X509_get_pathlen(certificate.get()) == 0;
}

// Where the first of the two allows no other; iPXE then finds neither (tls::Succession).
bool HaveOneName(const Authorities& authorities) {
  const auto one = FirstOf(authorities.issuing.certificate_pem);
  const auto other = FirstOf(authorities.other.certificate_pem);
  return one != nullptr && other != nullptr &&
         X509_NAME_cmp(X509_get_subject_name(one.get()), X509_get_subject_name(other.get())) == 0;
}

absl::Status NotItsTurn(std::string_view words) {
  return absl::FailedPreconditionError(Text(words, "; see 'slipway ca status'"));
}

nlohmann::json ToJson(const tls::Authority& authority) {
  return {{"certificate", authority.certificate_pem}, {"key", authority.private_key_pem}};
}

std::string ToText(const Authorities& authorities) {
  const nlohmann::json json = {{"version", 1},
                               {"phase", std::string(NameOf(authorities.phase))},
                               {"issuing", ToJson(authorities.issuing)},
                               {"other", ToJson(authorities.other)},
                               {"cross", authorities.cross_pem}};
  return json.dump(1) + "\n";
}

// Empty where there is no such text.
std::string TextAt(const nlohmann::json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// False where the key is another's, or either cannot be read.
bool Read(const nlohmann::json& json, const char* which, tls::Authority& authority) {
  const auto found = json.find(which);
  if (found == json.end()) return false;
  authority = {TextAt(*found, "certificate"), TextAt(*found, "key")};
  const auto certificate = FirstOf(authority.certificate_pem);
  const auto key = tls::ReadPrivateKey(authority.private_key_pem);
  const bool fit = certificate != nullptr && key != nullptr &&
                   X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return fit;
}

absl::StatusOr<Authorities> FromText(const fs::path& file, std::string_view text) {
  const auto json = ParseJson(text);
  Authorities authorities;
  const std::string phase = TextAt(json, "phase");
  authorities.phase = phase == NameOf(CaPhase::kPrepared) ? CaPhase::kPrepared : CaPhase::kActive;
  authorities.cross_pem = TextAt(json, "cross");
  const bool good =
      json.is_object() && json.contains("version") && json["version"] == 1 &&
      phase == NameOf(authorities.phase) && Read(json, "issuing", authorities.issuing) &&
      Read(json, "other", authorities.other) && FirstOf(authorities.cross_pem) != nullptr;
  if (good) return authorities;
  return absl::DataLossError(
      Text(file.string(),
           ": damaged, or of another version of slipwayd; bring it back from a copy, or remove it "
           "to go on with the CA of ca.key alone (clients that enrolled only the other one must "
           "enrol that)"));
}

absl::StatusOr<Authorities> Prepared(const Authorities& now) {
  auto made = tls::MakeSuccessor(now.issuing);
  if (const auto* error = std::get_if<tls::ContextError>(&made)) {
    return absl::FailedPreconditionError(
        Text(error->where, ": ", error->what, "; ", error->remedy));
  }
  auto& succession = std::get<tls::Succession>(made);
  return Authorities{.phase = CaPhase::kPrepared,
                     .issuing = now.issuing,
                     .other = std::move(succession.next),
                     .cross_pem = std::move(succession.cross_pem)};
}

Authorities Swapped(const Authorities& now, CaPhase phase) {
  return {.phase = phase, .issuing = now.other, .other = now.issuing, .cross_pem = now.cross_pem};
}

bool IsThere(const CaFileStep& step, const fs::path& state_directory) {
  if (step.text.empty()) return false;
  const auto text = ReadFile(state_directory / step.name);
  return text.ok() && *text == step.text;
}

// Where the file of a rotation was removed, as its error says, ca.pem still has both: of them the
// key's alone is left.
absl::Status KeepOwn(tls::Authority& authority, const fs::path& state_directory) {
  const auto certificates = tls::ReadCertificates(authority.certificate_pem);
  const auto key = tls::ReadPrivateKey(authority.private_key_pem);
  if (certificates.size() < 2 || key == nullptr) return absl::OkStatus();
  for (const tls::X509Pointer& each : certificates) {
    if (X509_check_private_key(each.get(), key.get()) != 1) continue;
    ERR_clear_error();
    authority.certificate_pem = tls::ToPem(each.get());
    return Apply({std::string(kBundle), authority.certificate_pem, kPublic}, state_directory);
  }
  ERR_clear_error();
  return absl::OkStatus();
}

// Keys of a process that was killed while it wrote.
void ForgetUnwritten(const fs::path& state_directory) {
  for (const std::string_view name : {kKey, kBundle, kRotation}) {
    std::error_code error;
    fs::remove(state_directory / Text(name, ".new"), error);
  }
}

}  // namespace

std::string_view NameOf(CaPhase phase) {
  switch (phase) {
    case CaPhase::kSteady:
      return "steady";
    case CaPhase::kPrepared:
      return "prepared";
    case CaPhase::kActive:
      return "active";
  }
  return "";
}

std::string_view NameOf(CaStep step) {
  switch (step) {
    case CaStep::kRotate:
      return "rotate";
    case CaStep::kWithdraw:
      return "withdraw";
    case CaStep::kActivate:
      return "activate";
    case CaStep::kDeactivate:
      return "deactivate";
    case CaStep::kRetire:
      return "retire";
  }
  return "";
}

std::string BundleOf(const Authorities& authorities) {
  return authorities.issuing.certificate_pem + authorities.other.certificate_pem;
}

const std::string& NewestOf(const Authorities& authorities) {
  return authorities.phase == CaPhase::kPrepared ? authorities.other.certificate_pem
                                                 : authorities.issuing.certificate_pem;
}

std::string ChainTail(const Authorities& authorities, std::int64_t unix_seconds) {
  if (authorities.phase != CaPhase::kActive) return {};
  const CertificateState cross = StateOf({"", authorities.cross_pem, ""}, false);
  return cross.not_after > unix_seconds ? authorities.cross_pem : std::string();
}

std::vector<CertificateState> StatesOf(const Authorities& authorities) {
  std::vector<CertificateState> states = {
      StateOf({"ca", authorities.issuing.certificate_pem, ""}, false)};
  if (authorities.phase != CaPhase::kSteady) {
    const bool is_next = authorities.phase == CaPhase::kPrepared;
    states.push_back(StateOf(
        {is_next ? "ca-next" : "ca-previous", authorities.other.certificate_pem, ""}, false));
  }
  for (CertificateState& state : states) state.is_ca = true;
  return states;
}

std::string NextStep(const Authorities& authorities) {
  switch (authorities.phase) {
    case CaPhase::kSteady:
      return "'slipway ca rotate' makes the next CA; clients notice nothing yet";
    case CaPhase::kPrepared:
      return Text(
          "let every client enrol the next CA beside this one ('slipway ca show', 'slipway ca efi "
          "FILE'), then 'slipway ca activate'",
          AllowsNoSuccessor(authorities.issuing)
              ? "; of clients that know this one alone, those built on OpenSSL (firmware, curl, "
                "slipway) still verify then, those on GnuTLS or Go refuse"
              : "; clients that know this one alone still verify then",
          HaveOneName(authorities)
              ? "; iPXE over HTTPS takes neither while there are two of one name: let it know one "
                "CA alone, and boot it over HTTP meanwhile"
              : "; iPXE over HTTPS boots where it knows both, or this one alone: until 'slipway ca "
                "retire' let none know the next one alone",
          "; 'slipway ca withdraw' gives the next one up");
    case CaPhase::kActive:
      return Text(
          "when every client has enrolled this CA, 'slipway ca retire' ends the previous one: "
          "clients that know that alone are refused from then on, and who they are the wire "
          "does not tell; ",
          HaveOneName(authorities)
              ? "iPXE over HTTPS refuses until then; "
              : "iPXE over HTTPS that knows this CA alone refuses until then; ",
          "'slipway ca deactivate' lets the previous one sign again; a key that "
          "was stolen is believed until the previous CA has left each client's own list too");
  }
  return "";
}

std::string NextStepAfter(CaStep step, const Authorities& authorities) {
  if (step != CaStep::kWithdraw) return NextStep(authorities);
  return Text(
      "a client that enrolled the CA that was withdrawn goes on believing it: take it out of that "
      "one's list, for its key is no longer here, but in backups that were made meanwhile; then ",
      NextStep(authorities));
}

std::int64_t WarnDays(const CertificateState& state) {
  return state.is_ca ? kCaWarnDays : kRenewDays;
}

std::string EndRemedy(const CertificateState& state, CaPhase phase) {
  if (!state.is_ca) return "bring a new one, then 'slipway cert rotate'";
  if (phase == CaPhase::kSteady) return "'slipway ca rotate' makes the next one, to be enrolled";
  if (phase == CaPhase::kPrepared) {
    return "let every client enrol the next one, then 'slipway ca activate'";
  }
  return "let every client enrol the new one, then 'slipway ca retire'";
}

absl::StatusOr<Authorities> After(CaStep step, const Authorities& now) {
  const bool is_steady = now.phase == CaPhase::kSteady;
  const bool is_active = now.phase == CaPhase::kActive;
  switch (step) {
    case CaStep::kRotate:
      if (is_active) {
        return NotItsTurn("the rotation before is not over; end it first: 'slipway ca retire'");
      }
      if (!is_steady) return now;
      return Prepared(now);
    case CaStep::kWithdraw:
      if (is_steady) return now;
      if (is_active) {
        return NotItsTurn(
            "the next CA signs already; let the previous one sign again, 'slipway ca deactivate', "
            "then this");
      }
      return Authorities{.issuing = now.issuing, .other = {}, .cross_pem = {}};
    case CaStep::kActivate:
      if (is_steady) return NotItsTurn("there is no next CA; 'slipway ca rotate' makes it");
      if (is_active) return now;
      return Swapped(now, CaPhase::kActive);
    case CaStep::kDeactivate:
      if (is_steady) return NotItsTurn("no rotation is under way");
      if (!is_active) return now;
      return Swapped(now, CaPhase::kPrepared);
    case CaStep::kRetire:
      if (is_steady) return NotItsTurn("no rotation is under way");
      if (!is_active) {
        return NotItsTurn(
            "the next CA signs nothing yet; let clients enrol it, then 'slipway ca activate', then "
            "this");
      }
      return Authorities{.issuing = now.issuing, .other = {}, .cross_pem = {}};
  }
  return now;
}

std::vector<CaFileStep> StepsTo(const Authorities& wanted) {
  const CaFileStep key{std::string(kKey), wanted.issuing.private_key_pem, kSecret};
  const CaFileStep bundle{std::string(kBundle), BundleOf(wanted), kPublic};
  if (wanted.phase != CaPhase::kSteady) {
    return {{std::string(kRotation), ToText(wanted), kSecret}, key, bundle};
  }
  return {key, bundle, {std::string(kRotation), "", 0}};
}

absl::Status Apply(const CaFileStep& step, const fs::path& state_directory) {
  const fs::path file = state_directory / step.name;
  if (!step.text.empty()) {
    if (absl::Status status = WriteFile(file, step.text, step.mode); !status.ok()) return status;
    return SyncFolder(state_directory);
  }
  std::error_code error;
  if (!fs::remove(file, error) && error) {
    return absl::UnavailableError(Text(file.string(), ": cannot be removed: ", error.message(),
                                       "; make the state directory writable for this user"));
  }
  return SyncFolder(state_directory);
}

absl::Status StoreAuthorities(const fs::path& state_directory, const Authorities& wanted) {
  for (const CaFileStep& step : StepsTo(wanted)) {
    // What is there needs no room on the disk: so the way back can be gone where that is full.
    if (IsThere(step, state_directory)) continue;
    if (absl::Status status = Apply(step, state_directory); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Authorities> LoadAuthorities(const fs::path& state_directory) {
  ForgetUnwritten(state_directory);
  const fs::path rotation = state_directory / kRotation;
  if (!fs::exists(rotation)) {
    auto authority = LoadAuthority(state_directory);
    if (!authority.ok()) return authority.status();
    if (absl::Status status = KeepOwn(*authority, state_directory); !status.ok()) return status;
    return Authorities{.issuing = *std::move(authority), .other = {}, .cross_pem = {}};
  }
  const auto text = ReadFile(rotation);
  if (!text.ok()) return text.status();
  auto authorities = FromText(rotation, *text);
  if (!authorities.ok()) return authorities.status();
  for (const CaFileStep& step : StepsTo(*authorities)) {
    if (step.name == kRotation || IsThere(step, state_directory)) continue;
    if (absl::Status status = Apply(step, state_directory); !status.ok()) return status;
  }
  return authorities;
}

}  // namespace slipway::control
