// SPDX-License-Identifier: Apache-2.0
//
// Explicit congestion notification (RFC 3168 6.1): how it is agreed on, by the flags of SYN and
// SYN-ACK. What a mark means to the receiver is receive.cc's, its echo to the sender recovery.cc's.
//
// A connection has two bits: `ecn`, marks that arrive are echoed; `ect`, what we send says that we
// answer echoes. The first without the second is a path that did not let the question through: a
// SYN or SYN-ACK that has to go again goes without it (6.1.1.1), for the flags may be why it was
// lost, and who has sent one such sets ECT no more; but the peer may have heard the first.
//
// A SYN or SYN-ACK that comes with a mark or ECT has crossed something that writes over that field
// (6.1.1 forbids it to hosts): nothing is agreed then. A SYN that asks for AccECN (RFC 9768) sets
// the same two flags and one we do not read: it is answered as by any server that knows RFC 3168
// only, and the client goes on like that (RFC 9768 3.1.2).
//
// Left out: AccECN, ECT on anything but new text (RFC 8311 allows experiments), and the pause of a
// retransmission timeout that 6.1.2 wants where a window of one segment is reduced again.
#pragma once

#include "protocols/tcp/segment.h"

namespace slipway::tcp {

// An ECN-setup SYN.
constexpr bool AsksForEcn(const Segment& syn) {
  return syn.flags.ece && syn.flags.cwr && syn.ecn == Ecn::kNotCapable;
}
// An ECN-setup SYN-ACK. With CWR as well it is a host that sends back whatever flags it was sent.
constexpr bool GrantsEcn(const Segment& syn_ack) {
  return syn_ack.flags.ece && !syn_ack.flags.cwr && syn_ack.ecn == Ecn::kNotCapable;
}

}  // namespace slipway::tcp
