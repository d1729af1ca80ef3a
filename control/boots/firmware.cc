// SPDX-License-Identifier: Apache-2.0
#include "control/boots/firmware.h"

#include <algorithm>
#include <iterator>

#include "control/boots/story.h"
#include "control/boots/words.h"
#include "control/text.h"
#include "protocols/base/fingerprint.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;

constexpr std::string_view kDiscoverFact = " discover=";

// Where the fact begins, or the text ends. A vendor class may hold such words too: ours is last.
std::size_t FactAt(std::string_view text) {
  const std::size_t size = kDiscoverFact.size() + kFingerprintDigits;
  if (text.size() < size) return text.size();
  const std::size_t at = text.size() - size;
  const bool is_fact = text.substr(at).starts_with(kDiscoverFact) &&
                       ParseFingerprint(text.substr(text.size() - kFingerprintDigits));
  return is_fact ? at : text.size();
}

// After a whole file firmware goes on to its next boot option within a few seconds. What resets a
// machine takes longer, but for virtual ones.
constexpr std::int64_t kAtOnceNanoseconds = 10'000'000'000;

struct Known {
  std::string_view fingerprint;
  std::string_view name;
};
constexpr Known kKnown[] = {
    {"67f18dbc6287be40", "EDK II HTTP boot"},    {"683c663f21183cc9", "EDK II PXE"},
    {"6ee514fe8a8303ad", "iPXE of 2019 (BIOS)"}, {"0f0e0b8563b9b7bc", "iPXE of 2025 (UEFI)"},
    {"fd4508cff06e1bd0", "TLS of OVMF 2022.11"}, {"ff7315957ee58632", "TLS of OVMF 2025.02"},
    {"72d4a1eae14df7c1", "TLS of iPXE of 2025"},
};

const Known* FindKnown(std::string_view fingerprint) {
  const auto* const known = std::ranges::find(kKnown, fingerprint, &Known::fingerprint);
  return known == std::end(kKnown) ? nullptr : known;
}

bool IsFirmwares(std::string_view discover_fingerprint) {
  const Known* const known = FindKnown(discover_fingerprint);
  return known != nullptr && known->name.starts_with("EDK II");
}

}  // namespace

std::string_view ClientOf(std::string_view text) {
  if (IsIpxe(text)) return "ipxe";
  if (text.starts_with("PXEClient")) return "pxe";
  return text.starts_with("HTTPClient") ? "http" : "";
}

std::string_view VendorClassOf(std::string_view text) {
  text = text.substr(0, FactAt(text));
  return text.substr(text.starts_with(dataplane::kIpxeMark) ? dataplane::kIpxeMark.size() : 0);
}

std::string_view DiscoverFingerprintOf(std::string_view text) {
  const std::size_t at = FactAt(text);
  return at == text.size() ? "" : text.substr(at + kDiscoverFact.size());
}

std::optional<BootFirmware> FirmwareOf(const Boot& boot) {
  BootFirmware firmware;
  bool connected = false;
  for (const BootStep& step : boot.steps) {
    if (step.kind == EventKind::kDhcpDiscover && !connected && IsBootClient(step.text)) {
      firmware.client = ClientOf(step.text);
      firmware.dhcp = DiscoverFingerprintOf(step.text);
    } else if (step.kind == EventKind::kTcpOpened && !connected) {
      connected = true;
      firmware.tcp = FactText(step.text, "syn");
    } else if (step.kind == EventKind::kTlsOffered && firmware.tls.empty()) {
      const std::string_view digits = FactText(step.text, "hello");
      if (ParseFingerprint(digits)) firmware.tls = digits;
    } else if (step.kind == EventKind::kHttpComplete && !step.text.starts_with("HEAD")) {
      break;
    }
  }
  if (firmware.client.empty() || firmware.dhcp.empty()) return std::nullopt;
  return firmware;
}

bool IsBackAtOnce(const Boot& boot, const Boot& next) {
  const BootStep* complete = nullptr;  // the last
  for (const BootStep& step : boot.steps) {
    if (step.kind != EventKind::kHttpComplete || step.text.starts_with("HEAD")) continue;
    if (complete != nullptr && PathOf(complete->text) != PathOf(step.text)) return false;
    complete = &step;
  }
  const auto began = FirmwareOf(boot);
  if (complete == nullptr || !began || began->client == "ipxe" || !IsATry(next)) return false;
  if (next.began() - complete->unix_nanoseconds > kAtOnceNanoseconds) return false;
  const std::string& words = next.steps.front().text;
  const std::string_view anew = DiscoverFingerprintOf(words);
  return !IsIpxe(words) && (anew == began->dhcp || IsFirmwares(anew));
}

std::string LikenessOf(const BootFirmware& firmware) {
  std::string names;
  for (const std::string& fingerprint : {firmware.dhcp, firmware.tls}) {
    const Known* const known = FindKnown(fingerprint);
    if (known == nullptr) continue;
    names += Text(names.empty() ? "" : ", ", known->name);
  }
  return names;
}

}  // namespace slipway::control
