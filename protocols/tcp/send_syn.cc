// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/send_syn.h"

#include <algorithm>

namespace slipway::tcp {

Outgoing NextSyn(const Context& context, Connection& connection) {
  SendState& s = connection.send;
  ReceiveState& r = connection.receive;
  s.syn_due = false;
  const bool answering = connection.state == State::kSynReceived;
  if (s.max != 0) connection.ect = false;  // again: without the question (ecn.h)
  Outgoing out{.segment = {.source = connection.tuple.local_port,
                           .destination = connection.tuple.remote_port,
                           .seq = s.iss,
                           .ack = answering ? r.nxt : SeqNum(),
                           .flags = {.syn = true,
                                     .ack = answering,
                                     .ece = connection.ect,
                                     .cwr = connection.ect && !answering},
                           .options = SynOptions(context, connection)},
               .tuple = connection.tuple,
               .mss = s.mss,
               .retransmission = s.max != 0};
  const std::uint32_t window = std::min<std::uint32_t>(r.room, 0xffff);
  out.segment.window = static_cast<std::uint16_t>(window);
  if (answering) {
    r.edge = Later(r.edge, r.nxt + window);
    r.ack_due = false;
  }
  if (s.max == 0) {
    s.nxt = s.max = 1;
    s.timed = 1;
    s.timed_since = context.now;
    connection.timers.progress = context.now;
  } else {
    s.timed = kNoPosition;
    ++connection.retransmissions;
  }
  if (connection.timers.retransmit_at == kNever) ArmRetransmit(context, connection);
  return out;
}

}  // namespace slipway::tcp
