// SPDX-License-Identifier: Apache-2.0
//
// Farm: N machines that boot over one port, on one core. It owns no thread and no port: whoever
// runs it gives it an initialised Undi (a DPDK port, or an in-process wire) and calls RunOnce with
// the time until it is finished. slipway-storm's main does; so does a bench that has server and
// generator in one process.
//
// Each round: receive a burst, let time pass, do at most a few TLS handshake steps (each costs up
// to a millisecond of OpenSSL, and the ring must not overflow meanwhile), emit, transmit. Nothing
// in a round allocates once the downloads run.
//
// TCP is protocols/tcp's Host, one for each personality. Machines are told apart by station
// address: 02:53 and the machine's number.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "bench/storm/library.h"
#include "bench/storm/machine.h"
#include "bench/storm/record_reader.h"
#include "bench/storm/tally.h"
#include "bench/storm/workload.h"
#include "dataplane/frame.h"
#include "dataplane/packet_pool.h"
#include "dataplane/undi.h"
#include "protocols/base/entropy.h"
#include "protocols/base/timer_wheel.h"
#include "protocols/tcp/host.h"
#include "protocols/wire/arp.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/udp.h"

namespace slipway::storm {

class Farm {
 public:
  // Where frames come from and go to. The port must receive promiscuously.
  struct Wire {
    dataplane::Undi* port = nullptr;
    std::uint16_t queue = 0;
    dataplane::PacketPool* pool = nullptr;
  };

  // Fails for options that cannot be met: no URL for machines with fixed addresses, a CA file that
  // cannot be read.
  static absl::StatusOr<std::unique_ptr<Farm>> Create(const FarmOptions& options, const Wire& wire);
  ~Farm();
  Farm(const Farm&) = delete;
  Farm& operator=(const Farm&) = delete;

  // One round; true when it found something to do. The machines' day begins when the server has
  // answered by ARP, where its address is known and options.await_server says so, else at once.
  bool RunOnce(Time now);
  // All boots are over, or the limit of time or bytes is reached.
  bool finished() const { return finished_; }
  // Resets what is open, and says of boots that are not over that time ran out.
  void Stop(Time now);

  const FarmOptions& options() const { return options_; }
  const Tally& tally() const { return tally_; }
  Library& library() { return library_; }
  const Library& library() const { return library_; }
  const std::vector<Machine>& machines() const { return machines_; }
  Time started_at() const { return started_at_; }
  // When the warm-up ended, and what had been counted then.
  Time marked_at() const { return marked_at_; }
  const Tally& marked() const { return marked_; }
  // Heap of one machine with its connection, roughly, for the report.
  std::size_t bytes_per_machine() const;
  std::uint64_t retransmissions() const;

 private:
  static constexpr std::size_t kBurst = 64;
  static constexpr std::size_t kOutbox = 1024;
  static constexpr std::size_t kHandshakeStepsMax = 2;
  static constexpr std::size_t kEmitMax = 256;

  struct Hosts {
    const Personality* personality = nullptr;
    Personality own;  // with what the options override
    tcp::Settings settings;
    std::unique_ptr<tcp::Host> host;
    std::unique_ptr<TlsClient> client;
  };

  Farm(const FarmOptions& options, const Wire& wire);
  absl::Status SetUp();
  void MakeMachines();
  bool AwaitServer(Time now);
  void Begin(Time now);
  void Mark();

  // farm.cc: frames in.
  std::size_t Receive();
  void ReceiveFrame(dataplane::Frame frame);
  void ReceiveArp(Bytes payload);
  void ReceiveUdp(Machine* machine, const ipv4::Packet& packet, ChecksumState checksum);
  void DrainReceivers();
  Machine* MachineOf(const MacAddress& mac);
  bool Chance(double probability);

  // farm_emit.cc: frames out.
  void Emit();
  void EmitConnection(tcp::Host& host, tcp::ConnectionId id);
  void EmitStrays(tcp::Host& host);
  void SendSegment(Machine& machine, tcp::Outgoing& out);
  void SendBytes(Bytes frame);
  void Send(dataplane::Frame frame);
  void Flush();
  void Flood();
  std::size_t room() const { return kOutbox - waiting_; }

  // farm_boot.cc: from power to the next station.
  void OnTimer(Machine& machine);
  void PowerOn(Machine& machine);
  bool TakeAddress(Machine& machine);
  void Discover(Machine& machine);
  void Request(Machine& machine);
  void OnDhcp(Machine& machine, const DhcpOffer& offer);
  void OnLease(Machine& machine, const DhcpOffer& ack);
  void Advance(Machine& machine);
  bool NeedNeighbour(Machine& machine, Ipv4Address destination);
  void AskNeighbour(Machine& machine);
  void AskName(Machine& machine);
  void OnName(Machine& machine, Bytes payload);
  void SendUdp(Machine& machine, Ipv4Address to, const udp::Datagram& datagram);
  void Enter(Machine& machine, Phase phase, Duration wait);
  Duration Wait(Duration measured, const std::optional<Duration>& told) const {
    return told.value_or(measured);
  }

  // farm_web.cc: one connection after another.
  void Connect(Machine& machine);
  void DeliverTcp(Machine& machine, const ipv4::Packet& packet, ChecksumState checksum);
  void OnExpired(const tcp::Expired& expired, Hosts& hosts);
  void OnOpened(Machine& machine);
  void OnClosed(Machine& machine, const tcp::Delivery& delivery);
  void TakeText(Machine& machine, Bytes text);
  void StepHandshakes();
  void StepHandshake(Machine& machine);
  void OnSecured(Machine& machine);
  void TakeRecords(Machine& machine, Bytes text);
  void TakeResponse(Machine& machine, Bytes text, std::size_t size);
  void Ask(Machine& machine);
  void OnHead(Machine& machine);
  void TakeBody(Machine& machine, Bytes text, std::size_t size);
  void OnBody(Machine& machine);
  void NextFile(Machine& machine);
  void NextRange(Machine& machine);
  void EndConnection(Machine& machine);
  void AfterConnection(Machine& machine);
  void Forget(Machine& machine);
  void Reset(Machine& machine);
  void Finish(Machine& machine);
  void Fail(Machine& machine, Failure failure);
  void SlowDown(Machine& machine);

  Hosts& HostsOf(const Machine& machine) {
    return hosts_[static_cast<std::size_t>(machine.personality->firmware)];
  }

  FarmOptions options_;
  Wire wire_;
  SeededEntropy random_;
  Tally tally_;
  Tally marked_;
  Library library_;
  std::unique_ptr<RecordCrypto> crypto_;
  std::array<Hosts, kFirmwares> hosts_;
  std::vector<Machine> machines_;
  std::vector<double> flood_credit_;  // by workload
  absl::flat_hash_map<std::uint32_t, std::uint32_t> by_address_;
  std::unique_ptr<TimerWheel> wheel_;
  std::deque<std::uint32_t> handshakes_due_;
  std::vector<std::uint32_t> receiving_;  // machines whose firmware ring is not empty
  std::string text_;                      // a request being written
  std::array<std::uint8_t, 1536> room_;   // a frame being written

  std::array<dataplane::Frame, kBurst> burst_;
  std::array<dataplane::Frame, kOutbox> outbox_;  // a ring
  std::size_t first_ = 0;
  std::size_t waiting_ = 0;

  Time now_{};
  Time started_at_ = kNever;
  Time next_call_{};
  Time last_flood_{};
  Time marked_at_ = kNever;
  std::uint32_t boots_ = 0;  // machines that boot once
  std::uint32_t boots_over_ = 0;
  bool begun_ = false;
  bool finished_ = false;
};

}  // namespace slipway::storm
