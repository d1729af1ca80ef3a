// SPDX-License-Identifier: Apache-2.0
//
// The SYN of a connection that opens and the SYN-ACK of one that was asked (RFC 9293 3.5), first
// and again; send.h's beginning, apart since it is none of the path that every segment takes.
#pragma once

#include "protocols/tcp/send.h"

namespace slipway::tcp {

// In SYN-SENT and SYN-RECEIVED, when it is due; with the bookkeeping of having sent it.
Outgoing NextSyn(const Context& context, Connection& connection);

}  // namespace slipway::tcp
