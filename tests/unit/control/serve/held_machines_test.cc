// SPDX-License-Identifier: Apache-2.0
//
// Who was held: what their steps say, how many are kept, and of whom it is told.
#include "control/serve/held_machines.h"

#include <gmock/gmock.h>

#include <set>

#include "control/text.h"
#include "tests/support/small_site.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBegan = 1'790'000'000 * kSecond;
const std::string kUuid = "0a1b2c3d-0001-0002-0003-000000000001";

MacAddress Mac(unsigned number) {
  return MacAddress{{0x52, 0x54, 0, 0, static_cast<std::uint8_t>(number >> 8),
                     static_cast<std::uint8_t>(number & 0xff)}};
}

BootStep Ignored(std::int64_t at, std::string text, Drop drop = Drop::kDhcpHeld) {
  return {.unix_nanoseconds = at,
          .kind = EventKind::kDhcpIgnored,
          .number = static_cast<std::int64_t>(drop),
          .extra = Ipv4Address(10, 77, 0, 0).value(),
          .text = std::move(text)};
}

Boot Asks(const MacAddress& mac, std::int64_t at, std::string vendor_class = "HTTPClient:Arch:16") {
  Boot boot{.id = at / 1000, .mac = mac, .began_unix_nanoseconds = at};
  boot.steps.push_back({.unix_nanoseconds = at,
                        .kind = EventKind::kDhcpDiscover,
                        .number = 16,
                        .text = std::move(vendor_class)});
  return boot;
}

Config Site() {
  const ConfigResult parsed = ParseConfig(Text(kSitePort, kSiteLab, kSiteProxy), "s.toml");
  EXPECT_TRUE(parsed.config) << Report(parsed, "s.toml");
  return parsed.config.value_or(Config{});
}

class HeldMachinesTest : public testing::Test {
 protected:
  std::optional<HeldMachines::News> Take(const MacAddress& mac, std::int64_t at,
                                         const std::string& text = "rule=ask") {
    return held_.Take(Asks(mac, at), Ignored(at, text), now_);
  }

  HeldMachines held_;
  Time now_{std::chrono::hours(1)};
};

TEST_F(HeldMachinesTest, AreWhatTheySaidWhenTheyAskedLast) {
  ASSERT_TRUE(Take(Mac(1), kBegan));
  Boot boot = Asks(Mac(1), kBegan + 60 * kSecond, "iPXE PXEClient:Arch:00007");
  boot.steps[0].number = 7;
  boot.steps[0].extra = Ipv4Address(10, 99, 0, 1).value();
  EXPECT_FALSE(held_.Take(boot, Ignored(kBegan + 60 * kSecond, "rule=later uuid=" + kUuid), now_))
      << "it waits already";
  ASSERT_THAT(held_.All(), SizeIs(1));
  const nlohmann::json told = ToJson(held_.All()[0], Site());
  EXPECT_EQ(told, nlohmann::json({{"mac", Mac(1).ToString()},
                                  {"uuid", kUuid},
                                  {"architecture", "x64"},
                                  {"client", "ipxe"},
                                  {"vendor_class", "PXEClient:Arch:00007"},
                                  {"network", "lab"},
                                  {"relay", "10.99.0.1"},
                                  {"rule", "later"},
                                  {"first_asked", 1'790'000'000.0},
                                  {"last_asked", 1'790'000'060.0},
                                  {"asked", 2}}));
}

TEST_F(HeldMachinesTest, AreThoseAloneThatWereHeld) {
  EXPECT_FALSE(held_.Take(Asks(Mac(1), kBegan),
                          Ignored(kBegan, "a rule says so", Drop::kDhcpIgnoredByRule), now_));
  // As an older release stored it: nobody knows by which rule.
  EXPECT_FALSE(Take(Mac(1), kBegan, "a rule holds this machine until an operator approves it"));
  BootStep discover = Asks(Mac(1), kBegan).steps[0];
  EXPECT_FALSE(held_.Take(Asks(Mac(1), kBegan), discover, now_));
  EXPECT_THAT(held_.All(), IsEmpty());
}

TEST_F(HeldMachinesTest, SayTheirVendorClassWithoutWhatWeAddToIt) {
  const Boot boot = Asks(Mac(1), kBegan, "HTTPClient:Arch:00016 discover=67f18dbc6287be40");
  ASSERT_TRUE(held_.Take(boot, Ignored(kBegan, "rule=ask"), now_));
  EXPECT_EQ(ToJson(held_.All()[0], Site())["vendor_class"], "HTTPClient:Arch:00016");
}

TEST_F(HeldMachinesTest, WhoIsAnsweredWaitsNoMore) {
  Boot boot = Asks(Mac(1), kBegan);
  const BootStep offer{.unix_nanoseconds = kBegan, .kind = EventKind::kDhcpOffer};
  held_.Take(boot, Ignored(kBegan, "rule=ask"), now_);
  // Its system, which asks for an address alone.
  held_.Take(Asks(Mac(1), kBegan, "Linux"), offer, now_);
  EXPECT_THAT(held_.All(), SizeIs(1));
  held_.Take(boot, offer, now_);
  EXPECT_THAT(held_.All(), IsEmpty());
  EXPECT_EQ(held_.counts().kept, 0u);
}

TEST_F(HeldMachinesTest, TheNewestAreKeptAndTheOthersCounted) {
  constexpr unsigned kAll = HeldMachines::kMost + 100;
  for (unsigned i = 0; i < kAll; ++i) {
    Take(Mac(i), kBegan + i * kSecond);
    // One that asks again and again stays, whoever else comes.
    if (i > 0) Take(Mac(0), kBegan + i * kSecond);
  }
  const auto all = held_.All();
  ASSERT_THAT(all, SizeIs(HeldMachines::kMost));
  EXPECT_EQ(all[0].mac, Mac(0));
  EXPECT_EQ(all[0].asked, kAll);
  EXPECT_EQ(all[1].mac, Mac(kAll - 1));
  EXPECT_EQ(held_.counts().kept, HeldMachines::kMost);
  EXPECT_EQ(held_.counts().pushed_out, 100u);
}

TEST_F(HeldMachinesTest, AFloodOfThemIsToldInPartAndCounted) {
  std::size_t told = 0;
  for (unsigned i = 0; i < 1000; ++i) told += Take(Mac(i), kBegan).has_value() ? 1U : 0U;
  EXPECT_EQ(told, 32u);
  now_ += std::chrono::seconds(1);
  const auto next = Take(Mac(1000), kBegan);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->untold, 1000u - told);
  const auto after = Take(Mac(1001), kBegan);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->untold, 0u);
}

TEST_F(HeldMachinesTest, WhoWasDecidedAboutIsNewsWhenItIsHeldAgain) {
  Take(Mac(1), kBegan);
  Take(Mac(2), kBegan, "rule=ask uuid=" + kUuid);
  Machine machine;
  machine.mac = Mac(1);
  held_.Forget(machine);
  machine.mac.reset();
  machine.uuid = *Uuid::Parse(kUuid);
  held_.Forget(machine);
  EXPECT_THAT(held_.All(), IsEmpty());
  EXPECT_TRUE(Take(Mac(1), kBegan));
  EXPECT_TRUE(Take(Mac(2), kBegan));
}

TEST_F(HeldMachinesTest, ComeBackFromTheirStories) {
  Boot boot = Asks(Mac(1), kBegan);
  boot.steps.push_back(Ignored(kBegan, "rule=ask uuid=" + kUuid));
  boot.steps.push_back(boot.steps[0]);
  boot.steps.push_back(Ignored(kBegan + 4 * kSecond, "rule=ask uuid=" + kUuid));
  held_.Restore(boot);
  ASSERT_THAT(held_.All(), SizeIs(1));
  const HeldMachine held = held_.All()[0];
  EXPECT_EQ(held.uuid, *Uuid::Parse(kUuid));
  EXPECT_EQ(held.first_unix_nanoseconds, kBegan);
  EXPECT_EQ(held.last_unix_nanoseconds, kBegan + 4 * kSecond);
  EXPECT_EQ(held.asked, 2u);
  EXPECT_FALSE(Take(Mac(1), kBegan + 8 * kSecond)) << "no news";
}

TEST_F(HeldMachinesTest, AreHeldAsLongAsTheirRuleMeansThem) {
  Rule ask;
  ask.name = "ask";
  ask.action = RuleAction::kHold;
  ask.selector = *Selector::Parse("!rack");
  Take(Mac(1), kBegan);
  const HeldMachine held = held_.All()[0];
  EXPECT_TRUE(IsHeldByRule(held, {ask}, nullptr));
  EXPECT_FALSE(IsHeldByRule(held, {}, nullptr)) << "the rule is gone";
  Machine machine;
  machine.mac = Mac(1);
  EXPECT_TRUE(IsHeldByRule(held, {ask}, &machine)) << "known, and not approved";
  machine.approved = true;
  EXPECT_FALSE(IsHeldByRule(held, {ask}, &machine));
  machine.approved = false;
  machine.labels = {{"rack", "a1"}};
  EXPECT_FALSE(IsHeldByRule(held, {ask}, &machine)) << "the rule does not mean it any more";
  machine.labels = {};
  machine.hold = true;
  EXPECT_FALSE(IsHeldByRule(held, {ask}, &machine)) << "by hand";
  ask.action = RuleAction::kIgnore;
  EXPECT_FALSE(IsHeldByRule(held, {ask}, nullptr));
  Take(Mac(2), kBegan, "rule=machine");
  EXPECT_FALSE(IsHeldByRule(held_.All()[0], {ask}, nullptr)) << "by its own record or its plan";
}

}  // namespace
}  // namespace slipway::control
