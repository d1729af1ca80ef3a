// SPDX-License-Identifier: Apache-2.0
//
// One appliance of one worker, and one machine that talks to it: what tests of the worker and of
// the stories it tells have in common. At the end every step's counters add up and nothing is in
// use.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/appliance.h"
#include "tests/support/station.h"

namespace slipway::dataplane {

inline constexpr std::size_t kImageSize = 100'000;
inline constexpr Ends kMachine{.from = {{0x52, 0x54, 0, 0, 0, 9}},
                               .to = kApplianceMac,
                               .source = Ipv4Address(10, 77, 0, 9),
                               .destination = kApplianceAddress};
inline constexpr std::string_view kGet = "GET /image.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n";

inline tcp::Settings MachineSettings() {
  tcp::Settings settings;
  settings.connections_max = 4;
  return settings;
}

// The machine's own segments, to HTTP, one by one.
inline tcp::Segment FromMachine(const tcp::Flags& flags, std::uint32_t seq, tcp::SeqNum ack = {},
                                Port port = Port(1024)) {
  return {.source = port,
          .destination = Port(80),
          .seq = tcp::SeqNum(seq),
          .ack = ack,
          .flags = flags,
          .window = 65535,
          .options = {},
          .text = {}};
}

class OneMachineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { memory_ = new Memory; }
  static void TearDownTestSuite() {
    delete memory_;
    memory_ = nullptr;
  }

  void Start(const ApplianceOptions& options = {}, bool tls = true) {
    image_ = NewImage(*memory_, kImageSize, 1);
    appliance_ = std::make_unique<Appliance>(*memory_, options);
    appliance_->snapshots().Publish(NewSnapshot({image_, options.vlan, tls}));
    Settle();
  }
  // Announcements of our own address are over.
  void Settle() {
    for (const Time end = now_ + std::chrono::seconds(10); now_ < end;
         now_ += std::chrono::milliseconds(100)) {
      appliance_->Run(now_);
      appliance_->Sent();
    }
  }
  void TearDown() override {
    if (!appliance_) return;
    EXPECT_TRUE(appliance_->StepsAddUp());
    appliance_->Stop(now_);
    EXPECT_TRUE(appliance_->StepsAddUp());
    appliance_->wire().Shutdown();
    appliance_.reset();
    EXPECT_EQ(memory_->in_use(), 0u);
    image_.reset();
    EXPECT_EQ(memory_->images().in_use(), 0u);
  }

  // All that leaves because `frame` came.
  std::vector<Buffer> Ask(const Buffer& frame) {
    EXPECT_TRUE(appliance_->wire().Deliver(frame));
    appliance_->Run(now_);
    return appliance_->Sent();
  }
  // The two talk, one millisecond away from each other, until `done` or nothing more happens;
  // `each` is called after every millisecond.
  template <class Done, class Each>
  void Talk(Station& station, Done&& done, Duration limit, Each&& each) {
    for (const Time end = now_ + limit; now_ < end && !done();
         now_ += std::chrono::milliseconds(1)) {
      while (const auto frame = station.Emit(now_)) appliance_->wire().Deliver(*frame);
      appliance_->Run(now_);
      while (const auto frame = appliance_->Emit(now_)) station.Receive(*frame, now_);
      if (station.Deadline() <= now_) station.Expire(now_);
      each();
    }
  }
  // What the station has still to say.
  void TakeLast(Station& station) {
    while (const auto frame = station.Emit(now_)) appliance_->wire().Deliver(*frame);
    appliance_->Run(now_);
  }

  static inline Memory* memory_ = nullptr;
  std::shared_ptr<const MutableBytes> image_;
  std::unique_ptr<Appliance> appliance_;
  Time now_{std::chrono::seconds(1)};
};

}  // namespace slipway::dataplane
