// SPDX-License-Identifier: Apache-2.0
//
// Choices by what a message says: patterns against an oracle, every fact, and what each disposition
// does to firmware and to the system that it boots.
#include "protocols/dhcp/condition.h"

#include <gtest/gtest.h>

#include "protocols/base/fingerprint.h"
#include "protocols/dhcp/fingerprint.h"
#include "tests/unit/protocols/dhcp/bench.h"
#include "tests/unit/protocols/dhcp/edk2_reader.h"

namespace slipway::dhcp {
namespace {

using ::slipway::testing::ReadAsFirmware;
using Octets = std::vector<std::uint8_t>;

constexpr auto kDiscover = DhcpMessageType::kDiscover;

// By recursion over both: slow and obviously right.
bool Fits(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return Fits(pattern.substr(1), text) || (!text.empty() && Fits(pattern, text.substr(1)));
  }
  return !text.empty() && pattern[0] == text[0] && Fits(pattern.substr(1), text.substr(1));
}

// All words of at most `size` letters of an alphabet.
std::vector<std::string> Words(std::string_view letters, std::size_t size) {
  std::vector<std::string> words{""};
  for (std::size_t from = 0, round = 0; round < size; ++round) {
    const std::size_t end = words.size();
    for (; from < end; ++from) {
      for (const char letter : letters) words.push_back(words[from] + letter);
    }
  }
  return words;
}

TEST(Pattern, FitsWhatItsMeaningSays) {
  const auto texts = Words("ab", 6);
  for (const std::string& pattern : Words("ab*", 5)) {
    for (const std::string& text : texts) {
      ASSERT_EQ(FitsPattern(pattern, text), Fits(pattern, text)) << pattern << " on " << text;
    }
  }
}

TEST(Pattern, DoesNotTakeExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  EXPECT_FALSE(FitsPattern(pattern + "b", std::string(500, 'a')));
}

// What one message says under a condition of one term.
bool Holds(const Said& said, const Term& term) {
  PolicySettings settings = TestSettings();
  settings.unknown = std::make_shared<const Choices>(
      Choices{{.name = "held", .condition = {term}, .disposition = Disposition::kIgnore}});
  Bench bench(settings);
  return bench.Hear(said).drop == Drop::kDhcpIgnoredByRule;
}

std::string FingerprintOf(const Said& said) {
  const Octets octets = said.Bytes();
  OptionScratch scratch;
  const auto message = Parse(octets, scratch);
  return std::string(FingerprintText(FirmwareFingerprint(*message)).view());
}

TEST(Condition, EachFactIsReadFromTheMessage) {
  const Octets relay{1, 4, 'e', 't', 'h', '7', 2, 2, 0x00, 0xfe};
  Octets smbios(17);
  for (std::size_t i = 0; i < 16; ++i) smbios[i + 1] = static_cast<std::uint8_t>(i + 1);
  const Said said = Said(kDiscover, MacOf(0xab))
                        .Http()
                        .Option(97, smbios)
                        .Option(61, Octets{0xff, 0x01, 0x02})
                        .Option(82, relay);
  const std::string mac = MacOf(0xab).ToString();
  const struct {
    Fact fact;
    std::string fits;
  } kCases[] = {
      {Fact::kMac, mac.substr(0, 8) + ":*"},
      {Fact::kUuid, "04030201-*"},
      {Fact::kClientIdentifier, "ff0102"},
      {Fact::kCircuit, "ETH*"},
      {Fact::kRemote, "00fe"},
      {Fact::kArchitecture, "x64"},
      {Fact::kClient, "http"},
      {Fact::kVendorClass, "HTTPClient:Arch:00016:*"},
      {Fact::kNetwork, "test"},
      {Fact::kFingerprint, FingerprintOf(said)},
  };
  for (const auto& each : kCases) {
    const auto word = kFactWords[static_cast<std::size_t>(each.fact)];
    EXPECT_TRUE(Holds(said, {each.fact, false, {"nothing", each.fits}})) << word;
    EXPECT_FALSE(Holds(said, {each.fact, true, {"nothing", each.fits}})) << word;
    EXPECT_FALSE(Holds(said, {each.fact, false, {"nothing"}})) << word;
    EXPECT_TRUE(Holds(said, {each.fact, true, {"nothing"}})) << word;
  }
  // What a message does not say is the empty text.
  EXPECT_TRUE(Holds(Said(kDiscover), {Fact::kCircuit, false, {""}}));
  EXPECT_TRUE(Holds(Said(kDiscover), {Fact::kUuid, false, {""}}));
}

Choices Chosen(Disposition disposition) { return {{.name = "r", .disposition = disposition}}; }

TEST(Choice, AMachineThatIsHeldOrBootsLocallyStillGetsItsSystemsLease) {
  const struct {
    Disposition disposition;
    Drop firmware, system;
  } kCases[] = {{Disposition::kIgnore, Drop::kDhcpIgnoredByRule, Drop::kDhcpIgnoredByRule},
                {Disposition::kHold, Drop::kDhcpHeld, Drop::kNone},
                {Disposition::kLocal, Drop::kDhcpBootsLocally, Drop::kNone},
                {Disposition::kBoot, Drop::kNone, Drop::kNone}};
  for (const auto& each : kCases) {
    PolicySettings settings = TestSettings();
    settings.machines = {
        {.mac = MacOf(1), .choices = std::make_shared<const Choices>(Chosen(each.disposition))}};
    Bench bench(settings);
    const Outcome firmware = bench.Hear(Said(kDiscover, MacOf(1)).Http());
    EXPECT_EQ(firmware.drop, each.firmware);
    EXPECT_EQ(firmware.choice, "r");
    EXPECT_EQ(firmware.network, settings.networks[0].prefix.network());
    EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(1))).drop, each.system);
    EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(2)).Http()).drop, Drop::kNone) << "another machine";
  }
}

TEST(Choice, TheFirstThatHoldsDecidesAndItsBootRulesAreTheOnlyOnes) {
  PolicySettings settings = TestSettings();
  const auto boots = [](std::uint16_t architecture, const char* uri) {
    return std::make_shared<const std::vector<BootRule>>(std::vector<BootRule>{
        {.kind = ClientKind::kHttp, .architecture = architecture, .uri = uri}});
  };
  settings.unknown = std::make_shared<const Choices>(
      Choices{{.condition = {{Fact::kNetwork, false, {"elsewhere"}}},
               .boot = boots(0x10, "https://10.77.0.1/elsewhere")},
              {.condition = {{Fact::kArchitecture, false, {"x64"}}},
               .boot = boots(0x10, "https://10.77.0.1/first")},
              {.boot = boots(0x10, "https://10.77.0.1/second")}});
  Bench bench(settings);
  EXPECT_EQ(bench.Hear(Said(kDiscover).Http()).boot->uri, "https://10.77.0.1/first");
  // The common rules have something for this architecture, the choice that holds has not.
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(2)).Http(0x13)).drop, Drop::kDhcpNoBootRule);
}

TEST(Choice, TheUnknownThatNetworksTakeAsBootClientsOnlyStayThat) {
  PolicySettings settings = TestSettings();
  settings.networks[0].unknown_machines = UnknownMachines::kBootClientsOnly;
  settings.unknown = std::make_shared<const Choices>(Chosen(Disposition::kBoot));
  Bench bench(settings);
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(1))).drop, Drop::kDhcpNotABootClient);
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(1)).Http()).drop, Drop::kNone);
}

TEST(Choice, TheQuarantinedAreToldNoWayOut) {
  PolicySettings settings = TestSettings();
  settings.networks[0].routes = {{*Ipv4Prefix::Parse("10.0.0.0/9"), Ipv4Address(10, 77, 0, 3)}};
  settings.networks[0].dns_servers = {Ipv4Address(10, 77, 0, 53)};
  settings.networks[0].options = {{.code = 42, .value = {10, 77, 0, 9}, .always = true}};
  Choices choices = Chosen(Disposition::kBoot);
  choices[0].quarantine = true;
  choices[0].options = {{.code = 119, .value = {1, 'q', 0}, .always = true}};
  settings.unknown = std::make_shared<const Choices>(choices);
  settings.machines = {{.mac = MacOf(2)}};
  Bench bench(settings);
  const auto asks = [](std::uint32_t n) {
    return Said(kDiscover, MacOf(n)).Http().Option(55, Octets{3, 6, 121, 42});
  };
  bench.Hear(asks(1));
  auto told = ReadAsFirmware(bench.bytes).options;
  EXPECT_FALSE(told.contains(3));
  EXPECT_FALSE(told.contains(121));
  EXPECT_FALSE(told.contains(42));
  EXPECT_EQ(told[6], std::string("\x0a\x4d\x00\x01", 4));
  EXPECT_TRUE(told.contains(119));
  bench.Hear(asks(2));
  told = ReadAsFirmware(bench.bytes).options;
  for (const int code : {3, 6, 121, 42}) EXPECT_TRUE(told.contains(code)) << code;
  EXPECT_FALSE(told.contains(119));
}

}  // namespace
}  // namespace slipway::dhcp
