// SPDX-License-Identifier: Apache-2.0
#include "control/policy/selector.h"

#include <algorithm>
#include <array>

#include "control/architecture.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kSelectorMax = 2048;
constexpr std::size_t kKeyMax = 63;
constexpr std::string_view kTcpFingerprint = "tcp-fingerprint";
constexpr std::string_view kTlsFingerprint = "tls-fingerprint";
constexpr std::array<std::string_view, 5> kCatalogFacts = {"name", "serial", "group",
                                                           kTcpFingerprint, kTlsFingerprint};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsKeyLetter(char c) {
  return IsLetter(c) || (c >= '0' && c <= '9') ||
         std::string_view("-_./").find(c) != std::string::npos;
}

// Other spellings of architectures are meant as the words that a message's are compared as.
std::string Canonical(std::string_view key, std::string value) {
  if (key == "arch") return std::string(ClientArchitecture(value));
  if (key == "mac") std::ranges::replace(value, '-', ':');
  if (key == "client-id") std::erase_if(value, [](char c) { return c == ':' || c == ' '; });
  return value;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Requirement>> Run() {
    std::vector<Requirement> all;
    if (text_.size() > kSelectorMax) return Wrong("is longer than 2048 characters; shorten it");
    Blank();
    while (at_ < text_.size()) {
      auto one = One();
      if (!one.ok()) return one.status();
      all.push_back(*std::move(one));
      Blank();
      if (at_ == text_.size()) break;
      if (text_[at_] != ',') return Wrong("write ',' between requirements");
      ++at_;
      Blank();
      if (at_ == text_.size()) return Wrong("a requirement is missing after ','");
    }
    return all;
  }

 private:
  absl::StatusOr<Requirement> One() {
    Requirement one;
    const bool negated = Take('!');
    auto key = Key();
    if (!key.ok()) return key.status();
    one.key = *std::move(key);
    one.fact = FactOf(one.key);
    if (negated) {
      one.negated = true;
      return Checked(std::move(one));
    }
    Blank();
    if (at_ == text_.size() || text_[at_] == ',') return Checked(std::move(one));
    if (text_[at_] == '!' || text_[at_] == '=') {
      one.negated = Take('!');
      if (!Take('=')) return Wrong("write '=' or '!='");
      Take('=');
      Blank();
      one.patterns.push_back(Canonical(one.key, Value(",")));
      return one;
    }
    const std::string word = Word();
    if (word != "in" && word != "notin") {
      return Wrong("write '=', '!=', 'in (...)' or 'notin (...)' after the key");
    }
    one.negated = word == "notin";
    return List(std::move(one));
  }

  absl::StatusOr<Requirement> List(Requirement one) {
    Blank();
    if (!Take('(')) return Wrong("write '(' and the values");
    do {
      Blank();
      one.patterns.push_back(Canonical(one.key, Value(",)")));
    } while (Take(','));
    if (!Take(')')) return Wrong("write ')' after the values");
    return one;
  }

  // Every message and every machine has its facts: to ask whether they are there asks nothing.
  absl::StatusOr<Requirement> Checked(Requirement one) const {
    if (!one.fact && std::ranges::find(kCatalogFacts, one.key) == kCatalogFacts.end()) return one;
    return Wrong(Text("'", one.key, "' is a fact, not a label; write '", one.key, "=VALUE'"));
  }

  absl::StatusOr<std::string> Key() {
    std::string key = Word();
    if (!IsLabelKey(key)) {
      return Wrong("write a key: letters, digits, '-', '_', '.', '/', at most 63, a letter first");
    }
    return key;
  }

  std::string Word() {
    const std::size_t from = at_;
    while (at_ < text_.size() && IsKeyLetter(text_[at_])) ++at_;
    return std::string(text_.substr(from, at_ - from));
  }

  // Up to one of `ends`, without blanks around it.
  std::string Value(std::string_view ends) {
    const std::size_t end = std::min(text_.find_first_of(ends, at_), text_.size());
    std::string_view value = text_.substr(at_, end - at_);
    while (value.ends_with(' ')) value.remove_suffix(1);
    at_ = end;
    return std::string(value);
  }

  void Blank() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  absl::Status Wrong(std::string_view what) const {
    const std::string message =
        Text("selector \"", text_.substr(0, kSelectorMax), "\", character ", at_ + 1, ": ", what);
    return absl::InvalidArgumentError(message);
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

bool FitsAny(const Requirement& one, std::string_view text) {
  return std::ranges::any_of(
      one.patterns, [&](const std::string& pattern) { return dhcp::FitsPattern(pattern, text); });
}

// One that was never seen fits nothing, not even '*'.
bool FitsSeen(const Requirement& one, const MachineFacts& facts, std::string BootFirmware::*part) {
  return facts.firmware != nullptr &&
         std::ranges::any_of(*facts.firmware, [&](const SeenFirmware& seen) {
           const std::string& text = seen.firmware.*part;
           return !text.empty() && FitsAny(one, text);
         });
}

bool MeetsInCatalog(const Requirement& one, const MachineFacts& facts) {
  // Views compare their lengths first.
  const std::string_view key = one.key;
  if (key == "group") {
    return facts.groups != nullptr &&
           std::ranges::any_of(*facts.groups,
                               [&](const std::string& group) { return FitsAny(one, group); });
  }
  if (key == "name") return facts.in_catalog && FitsAny(one, facts.name);
  if (key == "serial") return facts.in_catalog && FitsAny(one, facts.serial);
  if (key == kTcpFingerprint) return FitsSeen(one, facts, &BootFirmware::tcp);
  if (key == kTlsFingerprint) return FitsSeen(one, facts, &BootFirmware::tls);
  if (facts.labels == nullptr) return false;
  const auto label = facts.labels->find(one.key);
  return label != facts.labels->end() && (one.patterns.empty() || FitsAny(one, label->second));
}

// What the catalog knows for certain of a fact that a message has as well. Not the client
// identifier: firmware and system of one machine send different ones.
const std::optional<std::string>* Known(dhcp::Fact fact, const MachineFacts& facts) {
  if (fact == dhcp::Fact::kMac && facts.mac) return &facts.mac;
  if (fact == dhcp::Fact::kUuid && facts.uuid) return &facts.uuid;
  return nullptr;
}

}  // namespace

std::string Requirement::ToString() const {
  if (patterns.empty()) return Text(negated ? "!" : "", key);
  if (patterns.size() == 1) {
    // "==" is "=" as well, and a pattern may begin with one of its own.
    return Text(key, negated ? "!=" : "=", patterns[0].starts_with('=') ? "=" : "", patterns[0]);
  }
  return Text(key, negated ? " notin (" : " in (", Join(patterns, ", "), ')');
}

absl::StatusOr<Selector> Selector::Parse(std::string_view text) {
  auto requirements = Parser(text).Run();
  if (!requirements.ok()) return requirements.status();
  Selector selector;
  selector.requirements_ = *std::move(requirements);
  // What is kept is what ToString() writes, and it must be read again.
  if (selector.ToString().size() > kSelectorMax) {
    return absl::InvalidArgumentError(
        "selector: is longer than 2048 characters once blanks stand after its commas; shorten it");
  }
  return selector;
}

std::string Selector::ToString() const {
  std::string text;
  for (const Requirement& one : requirements_) text += (text.empty() ? "" : ", ") + one.ToString();
  return text;
}

Remainder Apply(const Selector& selector, const MachineFacts& facts) {
  Remainder remainder;
  for (const Requirement& one : selector.requirements()) {
    bool met = true;
    if (!one.fact) {
      met = MeetsInCatalog(one, facts) != one.negated;
    } else if (const auto* known = Known(*one.fact, facts)) {
      met = FitsAny(one, **known) != one.negated;
    } else {
      remainder.terms.push_back({*one.fact, one.negated, one.patterns});
    }
    if (met) continue;
    return {.failed = &one, .terms = {}};
  }
  return remainder;
}

bool Means(const Selector& selector, const MachineFacts& facts) {
  const Remainder remainder = Apply(selector, facts);
  return remainder.failed == nullptr && remainder.terms.empty();
}

const std::string* NeedsMessage(const Selector& selector) {
  for (const Requirement& one : selector.requirements()) {
    if (one.fact && *one.fact != dhcp::Fact::kMac && *one.fact != dhcp::Fact::kUuid) {
      return &one.key;
    }
  }
  return nullptr;
}

bool IsSeenFirmware(std::string_view word) {
  return word == kTcpFingerprint || word == kTlsFingerprint;
}

bool NeedsSeenFirmware(const Selector& selector) {
  return std::ranges::any_of(selector.requirements(),
                             [](const Requirement& one) { return IsSeenFirmware(one.key); });
}

std::optional<dhcp::Fact> FactOf(std::string_view word) {
  const auto* const found = std::ranges::find(dhcp::kFactWords, word);
  if (found == std::end(dhcp::kFactWords)) return std::nullopt;
  return static_cast<dhcp::Fact>(found - std::begin(dhcp::kFactWords));
}

bool IsLabelKey(std::string_view key) {
  return !key.empty() && key.size() <= kKeyMax && IsLetter(key.front()) &&
         std::ranges::all_of(key, IsKeyLetter);
}

}  // namespace slipway::control
