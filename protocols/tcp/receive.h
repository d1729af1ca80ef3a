// SPDX-License-Identifier: Apache-2.0
//
// Segment arrival (RFC 9293 3.10.7.3 and 3.10.7.4) for a connection: one Arrival is one segment,
// and its checks stand in the RFC's order. RFC 5961 (challenge ACKs) and RFC 7323 5 (PAWS) belong
// to the checks they tighten. The acknowledgment's meaning to the sender is in acknowledge.cc.
//
// Deviations, both towards more service: a SYN seen again in SYN-RECEIVED is answered with SYN-ACK
// instead of a bare ACK, and a SYN-ACK there (simultaneous open) counts as its ACK. Text in a SYN
// is not taken; the peer sends it again.
#pragma once

#include <span>

#include "protocols/tcp/connection.h"

namespace slipway::tcp {

enum class Verdict : std::uint8_t {
  kOpen,      // the connection lives on
  kTimeWait,  // both sides have finished; only TIME-WAIT remains
  kClosed,    // it is over
};

struct Outcome {
  Verdict verdict = Verdict::kOpen;
  Drop drop = Drop::kNone;
  Bytes text;
  bool opened = false;
  bool finished = false;
  bool reset = false;
  bool progressed = false;
  bool answer_reset = false;  // a RST goes back, as for a segment without a connection
};

struct Acknowledged;  // recovery.h

class Arrival {
 public:
  // `earlier`: JoinedAcks::bytes() where the segment stands for several (bare_ack.h).
  Arrival(const Context& context, Connection& connection, const Segment& segment,
          std::span<const std::uint32_t> earlier = {})
      : context_(context),
        c_(connection),
        segment_(segment),
        window_(segment.flags.syn ? segment.window
                                  : std::uint32_t{segment.window} << connection.send.scale),
        earlier_(earlier) {}

  Outcome Run();

 private:
  void SynSent();
  // Each false: the segment ends here.
  bool CheckSequence();
  bool CheckTimestamps();
  bool CheckReset();
  bool CheckSyn();
  bool CheckAck();
  bool TakeText();
  void TakeFin();

  bool Acceptable() const;
  bool CompleteHandshake(std::int64_t position);
  void RememberLostSyns();
  void FinAcknowledged();
  void AgreeOnEcn();
  void TakeMark();
  void TakeInOrder(Bytes text);
  void TakeOutOfOrder(SeqNum start, Bytes text);
  void Challenge(Drop drop);

  // acknowledge.cc
  void TakeAcknowledgment(std::uint64_t position);
  void TakeLastAcknowledgment();
  void TakeSackBlocks(std::uint64_t position, Acknowledged& ack);
  bool IsDuplicate(std::int64_t start, std::int64_t end, std::int64_t edge) const;
  void Advance(std::uint64_t position, Acknowledged& ack);
  void MeasureRoundTrip();
  void UpdateWindow(bool advanced);

  const Context& context_;
  Connection& c_;
  Segment segment_;
  const std::uint32_t window_;  // SEG.WND in bytes; never scaled with SYN (RFC 7323 2.2)
  std::span<const std::uint32_t> earlier_;
  Outcome outcome_;
};

}  // namespace slipway::tcp
