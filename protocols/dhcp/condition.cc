// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/condition.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocols/base/fingerprint.h"
#include "protocols/dhcp/fingerprint.h"
#include "protocols/dhcp/message.h"

namespace slipway::dhcp {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A fact's text, in place; what does not fit is cut, which a pattern then does not fit either.
class TextBuffer {
 public:
  void Put(char c) {
    if (size_ < text_.size()) text_[size_++] = c;
  }
  void PutHex(std::uint8_t octet) {
    Put(kDigits[octet >> 4]);
    Put(kDigits[octet & 15]);
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 512> text_{};
  std::size_t size_ = 0;
};

void PutMac(const MacAddress& mac, TextBuffer& text) {
  for (std::size_t i = 0; i < mac.octets.size(); ++i) {
    if (i != 0) text.Put(':');
    text.PutHex(mac.octets[i]);
  }
}

void PutUuid(const Uuid& uuid, TextBuffer& text) {
  if (!uuid.is_set()) return;
  for (const char digit : uuid.Digits()) text.Put(digit);
}

void PutOctets(Bytes octets, TextBuffer& text) {
  for (const std::uint8_t octet : octets) text.PutHex(octet);
}

// Relays write names as well as numbers (RFC 3046 3.1 leaves it to them).
void PutRelay(Bytes value, TextBuffer& text) {
  const bool printable =
      std::ranges::all_of(value, [](std::uint8_t c) { return c >= 0x20 && c < 0x7f; });
  if (!printable) return PutOctets(value, text);
  for (const std::uint8_t octet : value) text.Put(static_cast<char>(octet));
}

constexpr std::string_view ClientWord(ClientKind kind) {
  switch (kind) {
    case ClientKind::kPlain:
      return "plain";
    case ClientKind::kPxe:
      return "pxe";
    case ClientKind::kHttp:
      return "http";
    case ClientKind::kIpxe:
      return "ipxe";
  }
  return "";
}

bool FitsAny(const Term& term, std::string_view text) {
  return std::ranges::any_of(
      term.patterns, [&](const std::string& pattern) { return FitsPattern(pattern, text); });
}

bool FitsArchitecture(const Term& term, const Client& client) {
  return std::ranges::any_of(client.architecture_list(), [&](std::uint16_t code) {
    const std::string_view word = ArchitectureWord(code);
    if (!word.empty()) return FitsAny(term, word);
    std::array<char, 8> number{};
    const auto end = std::to_chars(number.data(), number.data() + number.size(), code).ptr;
    return FitsAny(term, {number.data(), end});
  });
}

std::uint64_t FingerprintOf(const Facts& facts) {
  if (!facts.fingerprint) {
    const std::uint64_t made = facts.client.fingerprint;
    facts.fingerprint = made != 0 ? made : FirmwareFingerprint(facts.message);
  }
  return *facts.fingerprint;
}

bool FitsFingerprint(const Term& term, std::uint64_t fingerprint) {
  return FitsAny(term, fingerprint == 0 ? "" : FingerprintText(fingerprint).view());
}

bool Fits(const Term& term, const Facts& facts) {
  TextBuffer text;
  switch (term.fact) {
    case Fact::kArchitecture:
      return FitsArchitecture(term, facts.client);
    case Fact::kClient:
      return FitsAny(term, ClientWord(facts.client.kind));
    case Fact::kVendorClass:
      return FitsAny(term, AsText(facts.client.vendor_class));
    case Fact::kNetwork:
      return FitsAny(term, facts.network);
    case Fact::kFingerprint:
      return FitsFingerprint(term, FingerprintOf(facts));
    case Fact::kMac:
      PutMac(facts.client.mac, text);
      break;
    case Fact::kUuid:
      PutUuid(facts.client.uuid, text);
      break;
    case Fact::kClientIdentifier:
      PutOctets(facts.message.options[DhcpOption::kClientIdentifier], text);
      break;
    case Fact::kCircuit:
      PutRelay(facts.message.RelayValue(RelaySubOption::kCircuit), text);
      break;
    case Fact::kRemote:
      PutRelay(facts.message.RelayValue(RelaySubOption::kRemote), text);
      break;
  }
  return FitsAny(term, text.view());
}

struct ArchitectureCode {
  std::uint16_t code;
  std::string_view word;
};
// IANA's registry of processor architecture types (RFC 5970), which option 93 shares.
constexpr ArchitectureCode kArchitectureCodes[] = {
    {0x00, "bios"},        {0x06, "ia32"},        {0x07, "x64"},         {0x09, "x64"},
    {0x0a, "arm32"},       {0x0b, "arm64"},       {0x0f, "ia32"},        {0x10, "x64"},
    {0x11, "ebc"},         {0x12, "arm32"},       {0x13, "arm64"},       {0x19, "riscv32"},
    {0x1a, "riscv32"},     {0x1b, "riscv64"},     {0x1c, "riscv64"},     {0x1d, "riscv128"},
    {0x1e, "riscv128"},    {0x25, "loongarch32"}, {0x26, "loongarch32"}, {0x27, "loongarch64"},
    {0x28, "loongarch64"},
};

}  // namespace

bool Holds(const Term& term, const Facts& facts) { return Fits(term, facts) != term.negated; }

bool Holds(std::span<const Term> terms, const Facts& facts) {
  return std::ranges::all_of(terms, [&](const Term& term) { return Holds(term, facts); });
}

// Back to the last star when the rest does not fit: linear for one star, bounded by the product.
bool FitsPattern(std::string_view pattern, std::string_view text) {
  std::size_t at = 0, in = 0, star = pattern.npos, after = 0;
  while (at < text.size()) {
    if (in < pattern.size() && pattern[in] == '*') {
      star = in++;
      after = at;
    } else if (in < pattern.size() && Lower(pattern[in]) == Lower(text[at])) {
      ++in;
      ++at;
    } else if (star != pattern.npos) {
      in = star + 1;
      at = ++after;
    } else {
      return false;
    }
  }
  while (in < pattern.size() && pattern[in] == '*') ++in;
  return in == pattern.size();
}

std::string_view ArchitectureWord(std::uint16_t code) {
  for (const ArchitectureCode& each : kArchitectureCodes) {
    if (each.code == code) return each.word;
  }
  return "";
}

}  // namespace slipway::dhcp
