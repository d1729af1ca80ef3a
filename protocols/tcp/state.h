// SPDX-License-Identifier: Apache-2.0
//
// The connection states of RFC 9293 3.3.2 and every legal move between them (figure 5, with the
// moves to CLOSED that resets, aborts and limits make). `Move<kFrom, kTo>(state)` is the only way
// to change a state; a move that is not in kEdges does not compile.
//
// A close in SYN-RECEIVED waits for ESTABLISHED before it sends FIN, so that edge is not there.
//
// LISTEN is a state of a port here (listener.h), not of a connection, and TIME-WAIT lives in a
// table of its own (time_wait.h): a connection that moves to either leaves its slot.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "protocols/base/check.h"

namespace slipway::tcp {

enum class State : std::uint8_t {
  kClosed,
  kListen,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
};
inline constexpr std::array<std::string_view, 11> kStateNames = {
    "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
    "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};
constexpr std::string_view Name(State state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

struct Edge {
  State from;
  State to;
};
inline constexpr Edge kEdges[] = {
    {State::kClosed, State::kSynSent},           // active open
    {State::kClosed, State::kSynReceived},       // a listener's SYN, or a valid SYN cookie
    {State::kSynSent, State::kSynReceived},      // simultaneous open
    {State::kSynSent, State::kEstablished},      // SYN-ACK
    {State::kSynReceived, State::kEstablished},  // ACK of SYN
    {State::kEstablished, State::kFinWait1},     // close
    {State::kEstablished, State::kCloseWait},    // FIN
    {State::kFinWait1, State::kFinWait2},        // ACK of FIN
    {State::kFinWait1, State::kClosing},         // FIN
    {State::kFinWait1, State::kTimeWait},        // FIN and ACK of FIN
    {State::kFinWait2, State::kTimeWait},        // FIN
    {State::kClosing, State::kTimeWait},         // ACK of FIN
    {State::kCloseWait, State::kLastAck},        // close
    {State::kSynSent, State::kClosed},           // reset, abort, no answer
    {State::kSynReceived, State::kClosed},       // the same
    {State::kEstablished, State::kClosed},       // reset, abort, retransmission limit
    {State::kFinWait1, State::kClosed},          // the same
    {State::kFinWait2, State::kClosed},          // the same
    {State::kCloseWait, State::kClosed},         // the same
    {State::kClosing, State::kClosed},           // the same
    {State::kLastAck, State::kClosed},           // ACK of FIN
    {State::kTimeWait, State::kClosed},          // 2 MSL passed, or a newer SYN
};

constexpr bool Legal(State from, State to) {
  for (const Edge& edge : kEdges) {
    if (edge.from == from && edge.to == to) return true;
  }
  return false;
}

template <State kFrom, State kTo>
requires(Legal(kFrom, kTo)) constexpr void Move(State& state) {
  SLIPWAY_CHECK(state == kFrom);
  state = kTo;
}

// The handshake is done: both initial sequence numbers are known and acknowledged.
constexpr bool IsSynchronized(State state) { return state >= State::kEstablished; }
// The peer may still send text.
constexpr bool TakesText(State state) {
  return state == State::kEstablished || state == State::kFinWait1 || state == State::kFinWait2;
}
// New text, and then the FIN, may still be sent.
constexpr bool SendsText(State state) {
  return state == State::kEstablished || state == State::kCloseWait;
}

static_assert(!Legal(State::kClosed, State::kEstablished));
static_assert(!Legal(State::kTimeWait, State::kEstablished));

}  // namespace slipway::tcp
