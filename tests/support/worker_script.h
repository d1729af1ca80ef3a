// SPDX-License-Identifier: Apache-2.0
//
// Reads a fuzzer's bytes as a script for one whole appliance. A step is a byte, a number of two
// bytes, and what they ask for:
//
//   00-cf  a frame of so many bytes, which follow. What no mutation would keep right is made right:
//          it is for us, from the machine (not with bit 1); the checksums of IPv4, UDP, TCP and
//          ICMP (not with bit 0); an ACK is counted from what we sent last to that port (not with
//          bit 2).
//   d0-d3  the machine calls: plain, TLS 1.2, TLS 1.3, plain; the number says what its SYN offers
//   d4-df  the machine sends up to 16 frames of its conversation. Of the last, d8-db: it is lost;
//          dc-df: a bit of it is flipped, and the checksums are right all the same
//   e0-ff  a pause of so many milliseconds; leases that wait are on disk
//
// The machine is a Station whose TLS is OpenSSL's, so that a script gets behind a handshake, which
// no frames of another day could. All chance comes from fixed seeds.
//
// Held after each step: what left can be read and has right checksums; text outstanding means a
// timer armed. At the end everything must have been given back. EAL is started once, without
// hugepages.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/eal.h"
#include "protocols/base/check.h"
#include "tests/support/appliance.h"
#include "tests/support/station.h"

namespace slipway::dataplane {

class WorkerScript {
 public:
  // Of a step's first byte.
  static constexpr std::uint8_t kChecksumsAsTheyCame = 1;
  static constexpr std::uint8_t kAddressesAsTheyCame = 2;
  static constexpr std::uint8_t kAckAsItCame = 4;
  static constexpr std::uint8_t kCall = 0xd0;
  static constexpr std::uint8_t kSend = 0xd4;
  static constexpr std::uint8_t kSendAndLose = 0xd8;
  static constexpr std::uint8_t kSendAndSpoil = 0xdc;
  static constexpr std::uint8_t kPause = 0xe0;

  explicit WorkerScript(Bytes bytes);

  // One step; false at the end.
  bool Step();

  void Finish() {
    SLIPWAY_CHECK(appliance_.StepsAddUp());
    appliance_.Stop(now_);
    appliance_.wire().Shutdown();
  }

  // What the appliance told of the machines since.
  std::vector<Event> Events() { return appliance_.Events(); }

  // Packet buffers that are out once an appliance has died.
  static std::size_t BuffersOut() { return Shared::Get().memory.in_use(); }

 private:
  static constexpr int kCallsMax = 4;  // a handshake costs as much as a hundred frames

  struct Shared {
    static Shared& Get() {
      static Shared shared;
      return shared;
    }
    static std::unique_ptr<EalGuard> StartEal();
    std::unique_ptr<EalGuard> eal = StartEal();
    Memory memory;
    std::shared_ptr<const MutableBytes> image = NewImage(memory, 10'000, 1);
  };
  struct Machine {
    Machine(int tls_version, std::uint16_t offers);
    HttpClient client;
    Station station;
  };

  void Arrive(std::uint8_t what, Bytes given);
  void Call(std::uint8_t what, std::uint16_t offers);
  void Send(std::uint8_t what, std::uint16_t number);
  void Deliver(Bytes frame);
  void Hear();
  void Repair(MutableBytes frame, std::uint8_t what) const;

  Reader reader_;
  Appliance appliance_;
  std::unique_ptr<Machine> machine_;
  int calls_ = 0;
  std::map<std::uint16_t, std::uint32_t> sent_;  // to each port of the machine: one past our last
  Time now_{std::chrono::seconds(1)};
};

}  // namespace slipway::dataplane
