// SPDX-License-Identifier: Apache-2.0
//
// What was sent, when, and what became of it: the scoreboard against a model that knows every byte,
// RACK's rules (RFC 8985 6.2) and PRR's arithmetic (RFC 9937 6).
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "protocols/base/entropy.h"
#include "protocols/tcp/prr.h"
#include "protocols/tcp/rack.h"

namespace slipway::tcp {
namespace {

using std::chrono::milliseconds;
using Fate = Scoreboard::Fate;

Time At(int ms) { return Time(milliseconds(ms)); }

struct Byte {
  Fate fate = Fate::kFlying;
  bool again = false;
  Time sent{};
};

class Model {
 public:
  void Sent(std::uint64_t start, std::uint64_t end, Time now) {
    for (std::uint64_t i = start; i < end; ++i) {
      const bool again = bytes_.contains(i);
      bytes_[i] = {.fate = Fate::kFlying, .again = again, .sent = now};
    }
  }
  std::uint64_t Count(Fate fate) const {
    std::uint64_t count = 0;
    for (const auto& [at, byte] : bytes_) count += byte.fate == fate ? 1 : 0;
    return count;
  }
  std::map<std::uint64_t, Byte> bytes_;
};

void ExpectAgree(const Scoreboard& board, const Model& model) {
  ASSERT_EQ(board.flying(), model.Count(Fate::kFlying));
  ASSERT_EQ(board.lost(), model.Count(Fate::kLost));
  ASSERT_EQ(board.held(), model.Count(Fate::kHeld));
  std::uint64_t told = 0;
  board.ForEach([&](Scoreboard::Range range, const Scoreboard::Run& run) {
    for (std::uint64_t i = range.start; i < range.end; ++i, ++told) {
      const Byte& byte = model.bytes_.at(i);
      ASSERT_EQ(run.fate(), byte.fate) << i;
      if (byte.fate == Fate::kHeld) continue;
      ASSERT_EQ(run.again(), byte.again) << i;
      ASSERT_EQ(run.sent(), byte.sent) << i;
    }
  });
  ASSERT_EQ(told, model.bytes_.size());
}

TEST(Scoreboard, AgreesWithAModelThatKnowsEveryByte) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    SeededEntropy random(seed);
    Scoreboard board;
    Model model;
    std::uint64_t una = 1;
    std::uint64_t max = 1;
    Time now{};
    for (int step = 0; step < 60 && board.size() + 20 < Scoreboard::kRunsMax; ++step) {
      now += milliseconds(1);
      const std::uint64_t operation = random.Below(6);
      Scoreboard::Delivered delivered;
      if (operation < 2 || max == una) {
        const std::uint64_t end = max + 1 + random.Below(40);
        board.Sent({max, end}, now, Duration{});
        model.Sent(max, end, now);
        max = end;
      } else if (operation == 2) {
        const std::uint64_t start = una + random.Below(max - una);
        const std::uint64_t end = std::min(max, start + 1 + random.Below(30));
        const std::uint64_t before = model.Count(Fate::kHeld);
        for (std::uint64_t i = start; i < end; ++i) model.bytes_[i].fate = Fate::kHeld;
        const std::uint64_t news = model.Count(Fate::kHeld) - before;
        ASSERT_EQ(board.Select({start, end}, delivered), news != 0);
        ASSERT_EQ(delivered.bytes, news);
      } else if (operation == 3) {
        const std::uint64_t to = una + random.Below(max - una + 1);
        std::uint64_t news = 0;
        for (; una < to; ++una) {
          news += model.bytes_[una].fate == Fate::kHeld ? 0U : 1U;
          model.bytes_.erase(una);
        }
        board.Acknowledge(una, delivered);
        ASSERT_EQ(delivered.bytes, news);
      } else if (operation == 4) {
        const Time until = now - milliseconds(random.Below(20));
        board.LoseSentBefore(now, max, until);
        for (auto& [at, byte] : model.bytes_) {
          if (byte.fate == Fate::kFlying && byte.sent <= until) byte.fate = Fate::kLost;
        }
      } else if (const Scoreboard::Range lost = board.FirstLost(); lost.start != lost.end) {
        const std::uint64_t end = std::min(lost.end, lost.start + 1 + random.Below(20));
        board.Sent({lost.start, end}, now, Duration{});
        model.Sent(lost.start, end, now);
      }
      ASSERT_NO_FATAL_FAILURE(ExpectAgree(board, model));
    }
  }
}

TEST(Scoreboard, JoinsWhatLeftWithinAGrainAndTakesTheLaterTime) {
  Scoreboard board;
  board.Sent({1, 11}, At(0), milliseconds(2));
  board.Sent({11, 21}, At(2), milliseconds(2));
  EXPECT_EQ(board.size(), 1u);
  EXPECT_EQ(board.front().sent(), At(2));
  board.Sent({21, 31}, At(3), milliseconds(2));
  EXPECT_EQ(board.size(), 2u) << "counted from the first of the run, or it would never end";
}

TEST(Scoreboard, StaysBoundedAndCountsEveryByteOnce) {
  SeededEntropy random(5);
  for (int round = 0; round < 50; ++round) {
    Scoreboard board;
    std::uint64_t una = 1;
    std::uint64_t max = 1;
    for (int step = 0; step < 500; ++step) {
      Scoreboard::Delivered delivered;
      const Time now = At(step);
      if (random.Below(3) == 0) board.Sent({max, max + 10}, now, Duration{}), max += 10;
      if (max == una) continue;
      const std::uint64_t start = una + random.Below(max - una);
      board.Select({start, start + 1 + random.Below(5)}, delivered);
      if (random.Below(4) == 0) board.LoseSentBefore(now, max, At(step - 20));
      if (const auto lost = board.FirstLost(); random.Below(2) == 0 && lost.start != lost.end) {
        board.Sent({lost.start, lost.start + 1}, now, Duration{});
      }
      if (random.Below(20) == 0) una += random.Below(max - una), board.Acknowledge(una, delivered);
      ASSERT_LE(board.size(), Scoreboard::kRunsMax);
      ASSERT_EQ(board.flying() + board.lost() + board.held(), max - una);
    }
  }
}

class RackOfFive : public testing::Test {
 protected:
  RackOfFive() {
    rtt.Sample(milliseconds(40));
    for (int i = 0; i < 5; ++i) Send(i);  // one each millisecond
  }
  void Send(int i) {
    const auto start = static_cast<std::uint64_t>(1 + i * 1000);
    board.Sent({start, start + 1000}, At(i), Duration{});
  }
  Scoreboard::Sweep Select(int i, Time now) {
    Scoreboard::Delivered delivered;
    const auto start = static_cast<std::uint64_t>(1 + i * 1000);
    board.Select({start, start + 1000}, delivered);
    rack.Delivered(delivered, rtt, false, now);
    return Detect(now);
  }
  Scoreboard::Sweep Detect(Time now) {
    return rack.DetectLosses(board, {.rtt = rtt, .recovering = false, .mss = 1000}, now);
  }

  Rtt rtt;
  Scoreboard board;
  Rack rack;
};

// RFC 8985 6.2, steps 4 and 5: RACK.rtt and a quarter of min_RTT.
TEST_F(RackOfFive, LosesWhatWasSentBeforeOnceTheReorderingWindowHasPassed) {
  const Scoreboard::Sweep sweep = Select(1, At(41));
  EXPECT_FALSE(sweep.lost);
  ASSERT_TRUE(sweep.waiting);
  EXPECT_EQ(sweep.latest + rack.timeout(), At(50)) << "sent at 0, 40 of round trip, 10 of window";
  EXPECT_FALSE(Detect(At(49)).lost);
  EXPECT_TRUE(Detect(At(50)).lost);
  EXPECT_EQ(board.FirstLost().start, 1u);
  EXPECT_EQ(board.FirstLost().end, 1001u);
  EXPECT_EQ(board.flying(), 3000u) << "what was sent later than what arrived is not lost";
}

TEST_F(RackOfFive, WaitsNoLongerWhenThreeSegmentsAreHeldAndNothingWasEverReordered) {
  Select(1, At(41));
  Select(2, At(42));
  EXPECT_TRUE(Select(3, At(43)).lost);
}

TEST_F(RackOfFive, WaitsTheWindowEvenThenOnceReorderingWasSeen) {
  Select(1, At(41));
  Select(0, At(42));  // it was only late
  EXPECT_TRUE(rack.reordering_seen());
  Send(5);
  Select(5, At(45));
  EXPECT_FALSE(Select(4, At(46)).lost);
  EXPECT_EQ(rack.window(), milliseconds(10));
  EXPECT_TRUE(Detect(At(60)).lost);
}

TEST_F(RackOfFive, FindsALostRetransmission) {
  Select(1, At(41));
  Detect(At(50));
  board.Sent({1, 1001}, At(50), Duration{});
  board.Sent({5001, 6001}, At(52), Duration{});
  Select(5, At(92));
  EXPECT_EQ(board.FirstLost().start, 2001u) << "the first went again at 50, and may yet arrive";
  Detect(At(100));
  EXPECT_EQ(board.FirstLost().start, 1u);
}

TEST_F(RackOfFive, WidensItsWindowOnceForEachRoundTripThatSawADuplicate) {
  Select(1, At(41));
  Select(0, At(42));
  rack.NeedlessResend(2001, 5001);
  rack.NeedlessResend(3001, 5001);  // the same round trip
  Select(3, At(43));
  EXPECT_EQ(rack.window(), milliseconds(20));
  for (int i = 0; i < 20; ++i) rack.NeedlessResend(5001 + static_cast<std::uint64_t>(i), 5002);
  for (int i = 0; i < 16; ++i) rack.LeftRecovery();
  Select(4, At(44));
  EXPECT_EQ(rack.window(), milliseconds(10)) << "forgotten after sixteen recoveries without one";
}

// RFC 9937's example of 20 segments, the first four of them lost, and a reduction by half.
TEST(Prr, SendsOneForTwoUntilTheWindowIsAtItsThreshold) {
  Prr prr;
  prr.Begin(20'000);
  std::uint64_t flying = 16'000 - 1000;
  std::uint64_t sent = 0;
  for (int ack = 0; ack < 15; ++ack) {
    const std::uint64_t window = prr.Window(
        {.delivered = 1000, .flying = flying, .threshold = 10'000, .mss = 1000, .safe = false});
    while (flying + 1000 <= window) prr.Sent(1000), flying += 1000, sent += 1000;
    flying -= 1000;
  }
  EXPECT_EQ(sent, 9000u) << "one segment for two that arrived, then one for one";
  EXPECT_LE(flying, 10'000u);
}

TEST(Prr, GrowsBackFromBelowByWhatArrivesAndFasterOnlyWhileItIsSafe) {
  const auto grown = [](bool safe) {
    Prr prr;
    prr.Begin(20'000);
    prr.Sent(1000);
    return prr.Window(
        {.delivered = 1000, .flying = 3000, .threshold = 10'000, .mss = 1000, .safe = safe});
  };
  EXPECT_EQ(grown(false), 4000u) << "packet conservation";
  EXPECT_EQ(grown(true), 5000u) << "slow start";
}

}  // namespace
}  // namespace slipway::tcp
