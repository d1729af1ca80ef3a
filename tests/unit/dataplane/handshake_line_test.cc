// SPDX-License-Identifier: Apache-2.0
#include "dataplane/handshake_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {
namespace {

tcp::ConnectionId Id(std::uint32_t index) { return {.index = index, .generation = 1}; }

TEST(HandshakeLineTest, ThoseThatHaveBegunComeFirstAndInOrder) {
  HandshakeLine line;
  line.Push(Id(1), false);
  line.Push(Id(2), true);
  line.Push(Id(3), false);
  line.Push(Id(4), true);
  EXPECT_EQ(line.size(), 4u);
  for (const std::uint32_t index : {2u, 4u, 1u, 3u}) EXPECT_EQ(line.Pop(true), Id(index));
  EXPECT_EQ(line.Pop(true), std::nullopt);
}

TEST(HandshakeLineTest, NobodyBeginsWhereNobodyMay) {
  HandshakeLine line;
  line.Push(Id(1), false);
  EXPECT_EQ(line.Pop(false), std::nullopt);
  line.Push(Id(2), true);
  EXPECT_EQ(line.Pop(false), Id(2));
  EXPECT_EQ(line.Pop(false), std::nullopt);
  EXPECT_EQ(line.Pop(true), Id(1));
}

TEST(HandshakeLineTest, OneStepInEightIsABeginningHoweverManyHaveBegun) {
  HandshakeLine line;
  for (std::uint32_t i = 0; i < 100; ++i) line.Push(Id(i), true);
  line.Push(Id(1000), false);
  line.Push(Id(1001), false);
  std::vector<std::uint32_t> began;
  for (std::uint32_t step = 1; line.size() > 0; ++step) {
    if (line.Pop(true)->index >= 1000) began.push_back(step);
  }
  EXPECT_EQ(began, (std::vector<std::uint32_t>{HandshakeLine::kBeginEvery,
                                               2 * HandshakeLine::kBeginEvery}));
}

// Many machines shake hands at once, a step a round. What the first sends with its last message is
// answered at once, not behind everybody's beginning.
class HandshakeOrderTest : public OneMachineTest {};

TEST_F(HandshakeOrderTest, ARequestDoesNotWaitBehindOthersHandshakes) {
  constexpr unsigned kClients = 12;
  Start();
  struct Client {
    Client(const Ends& ends, std::uint64_t seed)
        : station(ends, MachineSettings(), seed), http(kGet, kImageSize, TLS1_3_VERSION) {}
    // It writes its request behind its last message.
    bool has_requested() { return http.output().length() > hello; }
    Station station;
    HttpClient http;
    std::uint64_t hello = http.output().length();
    unsigned requested = 0;  // the round in which it had sent its request; 0: not yet
    unsigned answered = 0;
  };
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned i = 0; i < kClients; ++i) {
    Ends ends = kMachine;
    ends.from = {{0x52, 0x54, 0, 0, 1, static_cast<std::uint8_t>(i)}};
    ends.source = Ipv4Address(10, 77, 0, static_cast<std::uint8_t>(20 + i));
    clients.push_back(std::make_unique<Client>(ends, i + 1));
    clients[i]->station.Connect(Port(1024), Port(443), clients[i]->http, now_);
  }
  unsigned all_answered = 0;
  for (unsigned round = 1; round < 1000 && all_answered < kClients; ++round) {
    now_ += std::chrono::microseconds(100);
    for (auto& client : clients) {
      while (const auto frame = client->station.Emit(now_)) {
        static_cast<void>(appliance_->wire().Deliver(*frame));
      }
    }
    appliance_->RunOnce(now_);
    for (const Buffer& frame : appliance_->Sent()) {
      const Seen seen = See(frame);
      for (auto& client : clients) {
        if (seen.link.destination == client->station.ends().from) {
          client->station.Receive(frame, now_);
        }
      }
    }
    for (auto& client : clients) {
      if (client->requested == 0 && client->has_requested()) client->requested = round;
      if (client->answered == 0 && !client->http.text.empty()) {
        client->answered = round;
        ++all_answered;
      }
    }
  }
  ASSERT_EQ(all_answered, kClients);
  unsigned longest = 0;
  for (const auto& client : clients) {
    longest = std::max(longest, client->answered - client->requested);
  }
  // There and back, and its turn to step; behind everybody's beginning it would be a dozen.
  EXPECT_LE(longest, 4u);
}

}  // namespace
}  // namespace slipway::dataplane
