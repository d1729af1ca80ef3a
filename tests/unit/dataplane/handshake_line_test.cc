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

TEST(HandshakeLineTest, WhoeverCanBeKeptWaitingLeastComesFirstAndTheOthersInOrder) {
  HandshakeLine line;
  line.Push(Id(1), WorkStage::kNotBegun, Time{});
  line.Push(Id(2), WorkStage::kBegun, Time{});
  line.Push(Id(3), WorkStage::kNotBegun, Time{});
  line.Push(Id(4), WorkStage::kRequestFollows, Time{});
  line.Push(Id(5), WorkStage::kBegun, Time{});
  line.Push(Id(6), WorkStage::kRequestFollows, Time{});
  EXPECT_EQ(line.size(), 6u);
  for (const std::uint32_t index : {4u, 6u, 2u, 5u, 1u, 3u}) EXPECT_EQ(line.Pop(true), Id(index));
  EXPECT_EQ(line.Pop(true), std::nullopt);
}

TEST(HandshakeLineTest, NobodyBeginsWhereNobodyMay) {
  HandshakeLine line;
  line.Push(Id(1), WorkStage::kNotBegun, Time{});
  EXPECT_EQ(line.Pop(false), std::nullopt);
  line.Push(Id(2), WorkStage::kBegun, Time{});
  EXPECT_EQ(line.Pop(false), Id(2));
  EXPECT_EQ(line.Pop(false), std::nullopt);
  EXPECT_EQ(line.Pop(true), Id(1));
}

// Nobody is kept out by those that go before, however many they are: each stage has one step in
// eight of those done since it began to wait.
TEST(HandshakeLineTest, OneStepInEightIsOfEachStageHoweverManyGoBefore) {
  for (const WorkStage before : {WorkStage::kBegun, WorkStage::kRequestFollows}) {
    HandshakeLine line;
    for (std::uint32_t i = 0; i < 100; ++i) line.Push(Id(i), before, Time{});
    line.Push(Id(1000), WorkStage::kNotBegun, Time{});
    line.Push(Id(1001), WorkStage::kNotBegun, Time{});
    if (before == WorkStage::kRequestFollows) {
      line.Push(Id(1002), WorkStage::kBegun, Time{});
      line.Push(Id(1003), WorkStage::kBegun, Time{});
    }
    std::vector<std::uint32_t> began;
    std::vector<std::uint32_t> went_on;
    for (std::uint32_t step = 1; line.size() > 0; ++step) {
      const std::uint32_t index = line.Pop(true)->index;
      if (index == 1000 || index == 1001) began.push_back(step);
      if (index >= 1002) went_on.push_back(step);
    }
    constexpr std::uint32_t kEvery = HandshakeLine::kOneIn;
    EXPECT_EQ(began, (std::vector<std::uint32_t>{kEvery, 2 * kEvery}));
    if (before == WorkStage::kRequestFollows) {
      EXPECT_EQ(went_on, (std::vector<std::uint32_t>{kEvery + 1, 2 * kEvery + 1}));
    }
  }
}

TEST(HandshakeLineTest, KnowsSinceWhenSomebodyWaits) {
  const Time begin{std::chrono::seconds(100)};
  HandshakeLine line;
  EXPECT_EQ(line.WaitsSince(true), kNever);
  line.Push(Id(1), WorkStage::kNotBegun, begin);
  line.Push(Id(2), WorkStage::kRequestFollows, begin + std::chrono::seconds(1));
  line.Push(Id(3), WorkStage::kNotBegun, begin + std::chrono::seconds(2));
  EXPECT_EQ(line.WaitsSince(false), begin + std::chrono::seconds(1)) << "of those who may go on";
  EXPECT_EQ(line.Pop(true), Id(2));
  EXPECT_EQ(line.WaitsSince(false), kNever);
  EXPECT_EQ(line.WaitsSince(true), begin);
  EXPECT_EQ(line.Pop(true), Id(1));
  EXPECT_EQ(line.WaitsSince(true), begin + std::chrono::seconds(2));
  EXPECT_EQ(line.Pop(true), Id(3));
  EXPECT_EQ(line.WaitsSince(true), kNever);
}

// What was passed over while nobody of it waited does not count.
TEST(HandshakeLineTest, APlaceIsNotSavedUp) {
  HandshakeLine line;
  for (std::uint32_t i = 0; i < 50; ++i) line.Push(Id(i), WorkStage::kBegun, Time{});
  for (std::uint32_t i = 0; i < 20; ++i) EXPECT_EQ(line.Pop(true), Id(i));
  line.Push(Id(1000), WorkStage::kNotBegun, Time{});
  for (std::uint32_t i = 20; i < 27; ++i) EXPECT_EQ(line.Pop(true), Id(i));
  EXPECT_EQ(line.Pop(true), Id(1000));
}

// Many machines shake hands at once, a step a round. What one sends with its last message is
// answered at once.
class HandshakeOrderTest : public OneMachineTest {
 protected:
  struct Client {
    Client(const Ends& ends, std::uint64_t seed, int tls_version)
        : station(ends, MachineSettings(), seed), http(kGet, kImageSize, tls_version) {}
    // It has written its second message, and in TLS 1.3 its request behind it.
    bool has_replied() { return http.output().length() > hello; }
    Station station;
    HttpClient http;
    std::uint64_t hello = http.output().length();
    bool holds_reply = false;  // it does not send it yet
    unsigned replied = 0;      // the round in which it had; 0: not yet
    unsigned answered = 0;     // the round in which text came
  };

  void Connect(int tls_version) {
    const auto index = static_cast<std::uint8_t>(clients_.size());
    Ends ends = kMachine;
    ends.from = {{0x52, 0x54, 0, 0, 1, index}};
    ends.source = Ipv4Address(10, 77, 0, static_cast<std::uint8_t>(20 + index));
    clients_.push_back(std::make_unique<Client>(ends, index + 1, tls_version));
    clients_.back()->station.Connect(Port(1024), Port(443), clients_.back()->http, now_);
  }

  template <class Done>
  void RunUntil(Done&& done) {
    for (const unsigned limit = round_ + 1000; round_ < limit; ++round_) {
      if (std::ranges::all_of(clients_, done,
                              [](const auto& client) -> Client& { return *client; }))
        return;
      Exchange();
    }
    FAIL() << "not in 1,000 rounds";
  }

  std::vector<std::unique_ptr<Client>> clients_;

 private:
  void Exchange() {
    now_ += std::chrono::microseconds(100);
    for (auto& client : clients_) {
      if (client->holds_reply && client->has_replied()) continue;
      while (const auto frame = client->station.Emit(now_)) {
        static_cast<void>(appliance_->wire().Deliver(*frame));
      }
    }
    appliance_->RunOnce(now_);
    for (const Buffer& frame : appliance_->Sent()) {
      const Seen seen = See(frame);
      for (auto& client : clients_) {
        if (seen.link.destination == client->station.ends().from) {
          client->station.Receive(frame, now_);
        }
      }
    }
    for (auto& client : clients_) {
      if (client->replied == 0 && client->has_replied()) client->replied = round_;
      if (client->answered == 0 && !client->http.text.empty()) client->answered = round_;
    }
  }

  unsigned round_ = 1;
};

// There and back, and its turn to step; behind everybody's beginning it would be a dozen.
TEST_F(HandshakeOrderTest, ARequestDoesNotWaitBehindOthersBeginnings) {
  Start();
  for (int i = 0; i < 12; ++i) Connect(TLS1_3_VERSION);
  RunUntil([](const Client& client) { return client.answered != 0; });
  for (const auto& client : clients_) EXPECT_LE(client->answered - client->replied, 4u);
}

// Those of TLS 1.2 are the dearest steps of all, and no request comes with them.
TEST_F(HandshakeOrderTest, ARequestDoesNotWaitBehindOthersSecondSteps) {
  Start();
  for (int i = 0; i < 12; ++i) Connect(TLS1_2_VERSION);
  for (const auto& client : clients_) client->holds_reply = true;
  RunUntil([](const Client& client) { return client.replied != 0; });
  Connect(TLS1_3_VERSION);
  RunUntil([](const Client& client) { return client.replied != 0; });
  for (const auto& client : clients_) client->holds_reply = false;
  RunUntil([](const Client& client) { return client.answered != 0; });
  EXPECT_LE(clients_.back()->answered - clients_.back()->replied, 3u);
  // They had their turns as well.
  EXPECT_LE(clients_.front()->answered - clients_.back()->replied, 12u + 6u);
}

}  // namespace
}  // namespace slipway::dataplane
