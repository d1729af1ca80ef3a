// SPDX-License-Identifier: Apache-2.0
//
// The fast wire's side of rows 5, 6 and 8 (bench/peers holds it against other servers on veth): on
// virtio_user, what one core serves in a second of busy time.
#pragma once

#include <vector>

#include "bench/rows/row.h"

namespace slipway::bench {

// HTTPS, TLS 1.3 AES-128-GCM, 1,500-byte frames, as row 1: bytes.
std::vector<RowResult> RunBulkSide(const RowContext& context);
// GETs of 1 KiB over kept connections, plain HTTP and HTTPS.
std::vector<RowResult> RunRequestSide(const RowContext& context);
// DHCP's four messages, with every lease on disk before its ACK leaves, and without. The journal is
// the product's, in SLIPWAY_BENCH_STATE (the current folder), whose disk is what is measured.
std::vector<RowResult> RunLeaseSide(const RowContext& context);

}  // namespace slipway::bench
