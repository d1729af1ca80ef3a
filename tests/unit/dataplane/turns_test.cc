// SPDX-License-Identifier: Apache-2.0
//
// Whose turn it is, while the port has no room.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {
namespace {

constexpr unsigned kMachines = 64;  // their first windows fill outbox and ring several times

Ends MachineEnds(unsigned index) {
  Ends ends = kMachine;
  ends.from = {{0x52, 0x54, 0, 0, 1, static_cast<std::uint8_t>(index)}};
  ends.source = Ipv4Address(10, 77, 0, static_cast<std::uint8_t>(20 + index));
  return ends;
}

class TurnsTest : public OneMachineTest {
 protected:
  // Each has a connection and asks for the image, all in one round and in order.
  void AskAll() {
    std::vector<Buffer> requests;
    for (unsigned i = 0; i < kMachines; ++i) {
      const Ends ends = MachineEnds(i);
      tcp::Segment syn = FromMachine({.syn = true}, 1000);
      syn.options.mss = 1460;
      const auto answers = Ask(TcpFrame(ends, syn));
      ASSERT_FALSE(answers.empty());
      const tcp::Segment syn_ack = *See(answers.back()).tcp;
      tcp::Segment request = FromMachine({.ack = true}, 1001, syn_ack.seq + 1);
      request.text = AsBytes(kGet);
      requests.push_back(TcpFrame(ends, request));
    }
    for (const Buffer& request : requests) ASSERT_TRUE(appliance_->wire().Deliver(request));
    appliance_->RunOnce(now_);
  }

  // Whom each data frame is for that the wire holds now.
  void TakeFrames(std::vector<Ipv4Address>& to) {
    for (const Buffer& frame : appliance_->Sent()) {
      const Seen seen = See(frame);
      if (seen.tcp && !seen.tcp->text.empty()) to.push_back(seen.ip->destination);
    }
  }
};

// However many rounds find no room: who is first stays so, or of thousands some would be passed
// over again and again.
TEST_F(TurnsTest, AFullPortChangesNobodysPlace) {
  Start({.wire = {.ring_frames = 64}, .connections = 2 * kMachines});
  AskAll();
  std::vector<Ipv4Address> to;
  for (int taken = 0; taken < 100; ++taken) {
    TakeFrames(to);
    for (int round = 0; round < 23; ++round) appliance_->RunOnce(now_);
  }
  std::vector<Ipv4Address> first_come;
  for (const Ipv4Address address : to) {
    if (std::ranges::find(first_come, address) == first_come.end()) first_come.push_back(address);
  }
  std::vector<Ipv4Address> in_order;
  for (unsigned i = 0; i < kMachines; ++i) in_order.push_back(MachineEnds(i).source);
  EXPECT_EQ(first_come, in_order);
}

}  // namespace
}  // namespace slipway::dataplane
