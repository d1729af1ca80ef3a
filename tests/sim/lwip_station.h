// SPDX-License-Identifier: Apache-2.0
//
// LwipStation: a machine whose TCP nobody here wrote: Debian's liblwip (2.1.3), driven by the
// simulator's clock. It holds one conversation, an Application as in the worker.
//
// The packaged library is built for threads and for the wall clock, and needs neither: what it
// keeps in globals (its heap, its clock, its chance) is bound here instead.
//   * Each station loads the library anew (dlopen) and unloads it, so that counters such as the
//     initial sequence number begin where they did in every other run: one seed, one trace.
//   * tcpip_init, which starts its thread, is never called: raw API, input and timers run in the
//     caller's thread. The core lock is then not checked (lwIP: "tcpip thread not started").
//   * sys_now, mem_malloc and mem_free of this program take the place of the library's own, since
//     it calls them through its linkage table. rand() is the C library's, seeded here.
// So there is one such station at a time in a process.
//
// Not what lwIP can do, but what Debian compiled: window of 65,535 (scale 1), no SACK, no
// timestamps, a clock of 250 ms for retransmissions, no path MTU discovery. ARP is left out: its
// frames go to the one peer.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "tests/support/station.h"

namespace slipway::sim {

class LwipStation final : public Endpoint {
 public:
  // With `lazy` set it takes what arrived only every so often, so that its window closes.
  LwipStation(const Ends& ends, std::uint64_t seed, Duration lazy = Duration{0});
  ~LwipStation() override;
  LwipStation(const LwipStation&) = delete;
  LwipStation& operator=(const LwipStation&) = delete;

  void Connect(Port local, Port remote, dataplane::Application& application);
  void Accept(Port port, dataplane::Application& application);

  void Receive(Bytes frame, Time now) override;
  std::optional<Buffer> Emit(Time now) override;
  Time Deadline() const override;
  void Expire(Time now) override;

  bool failed() const;         // reset, or given up
  std::size_t in_use() const;  // pieces of lwIP's heap beyond what it took when it started
  bool idle() const;           // no connection is left, in TIME-WAIT neither

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace slipway::sim
