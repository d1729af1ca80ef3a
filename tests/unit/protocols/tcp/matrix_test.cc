// SPDX-License-Identifier: Apache-2.0
//
// Segment arrival, exhausted: every synchronized state and SYN-RECEIVED, every combination of
// flags that Parse lets through, text or none, every corner of the receive window (open and zero)
// and of the acknowledgment range, against a model written from the text of RFC 9293 3.10.7.4 (and
// RFC 5961) in plain integers. What is compared: the next state, the kind of reply, the text taken.
#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

constexpr int kWindow = 20;
constexpr int kSourceBytes = 100;

enum class Answer { kNothing, kAck, kRst, kSynAck };

struct Expected {
  State state;
  Answer answer = Answer::kNothing;
  int text = 0;
  friend bool operator==(const Expected&, const Expected&) = default;
};

std::string Print(const Expected& e) {
  constexpr const char* kAnswers[] = {"nothing", "ACK", "RST", "SYN-ACK"};
  return std::string(Name(e.state)) + ", " + kAnswers[static_cast<int>(e.answer)] + ", text " +
         std::to_string(e.text);
}

// Where a connection stands, relative to both initial sequence numbers.
struct Stand {
  State state;
  int rcv_nxt;
  int rcv_wnd;
  int snd_una;
  int snd_nxt;
  int fin;  // our FIN's position, 0 when it was not sent
};

struct In {
  int seq, ack, text;
  Flags flags;
};

// "First, check sequence number": the table, and the allowance for a zero window.
bool InTheWindow(const Stand& s, const In& in) {
  const int length = in.text + (in.flags.syn ? 1 : 0) + (in.flags.fin ? 1 : 0);
  if (s.rcv_wnd == 0) return in.seq == s.rcv_nxt;
  const int last = in.seq + length - 1;
  const bool starts = s.rcv_nxt <= in.seq && in.seq < s.rcv_nxt + s.rcv_wnd;
  if (length == 0) return starts;
  return starts || (s.rcv_nxt <= last && last < s.rcv_nxt + s.rcv_wnd);
}

Expected Model(const Stand& s, const In& in) {
  const Expected stays{s.state};
  const Expected acks{s.state, Answer::kAck};
  if (s.state == State::kSynReceived && in.flags.syn && in.seq == 0 && !in.flags.ack) {
    return {s.state, Answer::kSynAck};  // our deviation: the SYN again
  }
  int seq = in.seq;
  Flags flags = in.flags;
  if (s.state == State::kSynReceived && flags.syn && seq == 0) flags.syn = false, seq = 1;
  if (!InTheWindow(s, {seq, in.ack, in.text, flags})) return flags.rst ? stays : acks;
  if (flags.rst) return seq == s.rcv_nxt ? Expected{State::kClosed} : acks;
  if (flags.syn) return s.state == State::kSynReceived ? Expected{State::kClosed} : acks;
  if (!flags.ack) return stays;
  State state = s.state;
  if (state == State::kSynReceived) {
    if (!(s.snd_una < in.ack && in.ack <= s.snd_nxt)) return {state, Answer::kRst};
    state = State::kEstablished;
  } else if (in.ack > s.snd_nxt) {
    return acks;
  }
  const bool fin_acknowledged = s.fin != 0 && in.ack > s.fin;
  if (fin_acknowledged && state == State::kFinWait1) state = State::kFinWait2;
  if (fin_acknowledged && state == State::kClosing) return {State::kTimeWait};
  if (fin_acknowledged && state == State::kLastAck) return {State::kClosed};

  Expected result{state};
  const bool takes =
      state == State::kEstablished || state == State::kFinWait1 || state == State::kFinWait2;
  const int length = in.text + (flags.fin ? 1 : 0);
  if (!takes || length == 0) return result;
  result.answer = Answer::kAck;  // everything that occupies sequence space is acknowledged
  if (seq > s.rcv_nxt) return result;
  const int edge = s.rcv_nxt + s.rcv_wnd;
  const int text_end = seq + in.text;
  result.text = std::max(0, std::min(text_end, edge) - s.rcv_nxt);
  if (flags.fin && text_end >= s.rcv_nxt && text_end < edge) {
    if (state == State::kEstablished) result.state = State::kCloseWait;
    if (state == State::kFinWait1) result.state = State::kClosing;
    if (state == State::kFinWait2) result.state = State::kTimeWait;
  }
  return result;
}

class Arranged {
 public:
  Arranged(State state, bool zero_window) : peer_(Chosen()), source_(kSourceBytes, false) {
    if (state == State::kSynReceived) {
      peer_.Send({.seq = 0, .flags = kSyn, .options = {.mss = 1460}});
      peer_.iss = peer_.Reply()->segment.seq;
      stand_ = {state, 1, kWindow, 0, 1, 0};
      return;
    }
    peer_.Open();
    peer_.host.Attach(peer_.id, &source_);
    peer_.Replies();
    stand_ = {state, 1, kWindow, 1, 1 + kSourceBytes, 0};
    if (zero_window) {
      peer_.host.SetReceiveRoom(peer_.id, 0);
      peer_.Send({.seq = 1, .text = kWindow});
      peer_.Wait(milliseconds(50));
      peer_.Replies();
      stand_.rcv_nxt += kWindow;
      stand_.rcv_wnd = 0;
      peer_.text = 0;
    }
    Walk(state);
    EXPECT_EQ(peer_.state(), state);
  }

  Expected Try(const In& in) {
    const Delivery d = peer_.Send({.seq = in.seq,
                                   .ack = in.ack,
                                   .flags = in.flags,
                                   .text = static_cast<std::size_t>(in.text)});
    peer_.Wait(milliseconds(50));
    Expected seen{State::kClosed, Answer::kNothing, static_cast<int>(peer_.text)};
    if (peer_.host.Alive(peer_.id)) seen.state = peer_.state();
    if (d.closed && peer_.host.time_waits() == 1) seen.state = State::kTimeWait;
    const auto replies = peer_.Replies();
    EXPECT_LE(replies.size(), 1u);
    if (!replies.empty()) {
      const Flags flags = replies[0].segment.flags;
      seen.answer = flags.rst ? Answer::kRst : flags.syn ? Answer::kSynAck : Answer::kAck;
    }
    return seen;
  }
  const Stand& stand() const { return stand_; }

 private:
  static Settings Chosen() {
    Settings settings;
    settings.receive_window = kWindow;
    settings.window_scale = 0;
    settings.connections_max = 4;
    settings.time_wait_max = 4;
    settings.out_of_order_blocks_max = 8;
    return settings;
  }

  void PeerFin() {
    if (stand_.rcv_wnd == 0) return;
    peer_.Send({.seq = stand_.rcv_nxt, .flags = kFinAck});
    peer_.Replies();
    ++stand_.rcv_nxt;
    --stand_.rcv_wnd;
  }
  void OurFin() {
    source_.Grow(0, true);
    peer_.host.Wake(peer_.id);
    peer_.Replies();
    stand_.fin = stand_.snd_nxt++;
  }
  void Walk(State state) {
    if (state == State::kCloseWait || state == State::kLastAck) PeerFin();
    if (state == State::kFinWait1 || state == State::kFinWait2 || state == State::kClosing ||
        state == State::kLastAck) {
      OurFin();
    }
    if (state == State::kClosing) PeerFin();
    if (state == State::kFinWait2) {
      peer_.Send({.seq = stand_.rcv_nxt, .ack = stand_.snd_nxt});
      stand_.snd_una = stand_.snd_nxt;
    }
  }

  Peer peer_;
  PatternSource source_;
  Stand stand_{};
};

std::vector<Flags> AllFlags() {
  std::vector<Flags> all;
  for (unsigned bits = 0; bits < 16; ++bits) {
    const Flags flags{.fin = (bits & 1) != 0,
                      .syn = (bits & 2) != 0,
                      .rst = (bits & 4) != 0,
                      .ack = (bits & 8) != 0};
    if (!(flags.syn && (flags.fin || flags.rst))) all.push_back(flags);
  }
  return all;
}

TEST(SegmentArrival, AgreesWithTheRfcInEveryStateForEveryFlagAndCorner) {
  constexpr State kStates[] = {State::kSynReceived, State::kEstablished, State::kFinWait1,
                               State::kFinWait2,    State::kCloseWait,   State::kClosing,
                               State::kLastAck};
  int tried = 0;
  for (const State state : kStates) {
    for (const bool zero_window : {false, true}) {
      // The peer's FIN needs a place in the window, and the handshake has an open one.
      if (zero_window && (state == State::kSynReceived || state == State::kCloseWait ||
                          state == State::kClosing || state == State::kLastAck)) {
        continue;
      }
      const Stand at = Arranged(state, zero_window).stand();
      const int edge = at.rcv_nxt + at.rcv_wnd;
      for (const Flags& flags : AllFlags()) {
        for (const int text : {0, 10, 30}) {
          for (const int seq : {at.rcv_nxt - 11, at.rcv_nxt - 1, at.rcv_nxt, at.rcv_nxt + 1,
                                edge - 1, edge, edge + 1}) {
            for (const int ack :
                 {at.snd_una - 1, at.snd_una, at.snd_una + 50, at.snd_nxt, at.snd_nxt + 1}) {
              if (ack > at.snd_nxt + 1 || (!flags.ack && ack != at.snd_una)) continue;
              const In in{seq, ack, text, flags};
              const Expected expected = Model(at, in);
              const Expected seen = Arranged(state, zero_window).Try(in);
              ++tried;
              EXPECT_EQ(seen, expected)
                  << "in " << Name(state) << (zero_window ? " zero window" : "") << " nxt "
                  << at.rcv_nxt << ": " << (flags.syn ? "S" : "") << (flags.fin ? "F" : "")
                  << (flags.rst ? "R" : "") << (flags.ack ? "A" : "") << " seq " << seq << " ack "
                  << ack << " (una " << at.snd_una << " nxt " << at.snd_nxt << ") text " << text
                  << "\n  seen     " << Print(seen) << "\n  expected " << Print(expected);
              if (HasFailure()) return;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(tried, 5000);
}

}  // namespace
}  // namespace slipway::tcp
