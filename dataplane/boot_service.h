// SPDX-License-Identifier: Apache-2.0
//
// BootService: what a booting machine talks to on a TCP connection: HTTP, inside TLS on port 443.
//
// It pins the snapshot it began with, so a machine never gets half of one version and half of
// another, and image memory stays while anything of it may be sent again. It turns what TLS and
// HTTP report into the boot's events.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/application.h"
#include "dataplane/reporter.h"
#include "dataplane/snapshot.h"
#include "protocols/base/entropy.h"
#include "protocols/base/slab.h"
#include "protocols/http/session.h"
#include "protocols/tcp/host.h"
#include "tls/sealer.h"
#include "tls/session.h"

namespace slipway::dataplane {

inline constexpr Port kHttpPort{80};
inline constexpr Port kHttpsPort{443};

// From its first step to its end a handshake may take so long while we wait for the peer; then the
// connection is reset, for it holds one of a few places. Firmware takes 0.3 to 0.5 s (OVMF, DHE and
// RSA, in an emulator without KVM on a busy machine).
inline constexpr Duration kHandshakeTimeout = std::chrono::seconds(15);
// With what it waited for us, which whoever sends record after record would stretch.
inline constexpr Duration kHandshakeTimeoutMost = std::chrono::seconds(60);

// Who has connected, where.
struct Opening {
  const Snapshot& snapshot;
  MacAddress peer;
  Ipv4Address address;
  Port peer_port;
  Port local_port;
  std::uint64_t number = 0;
};

// Holds a snapshot for as long as it lives.
class SnapshotPin {
 public:
  explicit SnapshotPin(const Snapshot& snapshot) : snapshot_(snapshot) {
    snapshot_.pins.fetch_add(1, std::memory_order_relaxed);
  }
  ~SnapshotPin() { snapshot_.pins.fetch_sub(1, std::memory_order_release); }
  SnapshotPin(const SnapshotPin&) = delete;
  SnapshotPin& operator=(const SnapshotPin&) = delete;

  const Snapshot* operator->() const { return &snapshot_; }

 private:
  const Snapshot& snapshot_;
};

// What all connections of a worker share.
struct BootServiceShared {
  Reporter& reporter;
  tls::Sealer* sealer = nullptr;
  http::SessionConfig http;
  http::InputBlocks& requests;
  std::uint32_t handshakes_max = 0;  // under way at once
  std::uint32_t handshakes = 0;      // under way now
};

// A place among the handshakes under way, for as long as it lives.
class HandshakePlace {
 public:
  HandshakePlace(std::uint32_t& under_way, Time now)
      : under_way_(under_way),
        until_(now + kHandshakeTimeout),
        latest_(now + kHandshakeTimeoutMost) {
    ++under_way_;
  }
  ~HandshakePlace() { --under_way_; }
  HandshakePlace(const HandshakePlace&) = delete;
  HandshakePlace& operator=(const HandshakePlace&) = delete;

  Time until() const { return until_; }
  Time latest() const { return latest_; }
  // Time in which the peer waited for us.
  void Extend(Duration by) { until_ = std::min(until_ + by, latest_); }

 private:
  std::uint32_t& under_way_;
  Time until_;
  Time latest_;
};

class BootService final : public Application {
 public:
  BootService(const Opening& opening, BootServiceShared& shared, Time now);
  // In the factory's slab.
  static void* operator new(std::size_t size, Slab& services);
  static void operator delete(void* block, Slab& services);
  static void operator delete(void* block) { Slab::Give(block); }

  ByteSource& output() override { return *output_; }
  Reaction Receive(Bytes text, Time now) override;
  Reaction Finish(Time now) override;
  std::uint32_t receive_room() const override;
  bool work_pending() const override;
  WorkStage work_stage() const override;
  bool rests() const override;
  Reaction Work(Time now) override;
  void Progressed(std::uint64_t acknowledged, Time now) override;
  void Ended(bool in_silence, Time now) override;
  Time Deadline() const override;
  Reaction Expire(Time now) override;

 private:
  Reaction TakeSecured(tls::Received received, Time now);
  Reaction TakePlain(Bytes text, Time now);
  bool EndAfterRequests(Time now);
  void EndStream();
  void TellOffer(Time now);
  void TellCompleted(Time now);
  void TellHandshake(Time now);
  void TellUnfinished(std::string_view how, Time now);
  Reaction GiveUpHandshake(Time now);
  void TellRequests(Time now);
  void Tell(EventKind kind, const http::RequestRecord& record, Time now);
  Event NewEvent(EventKind kind) const;

  // First, on the line of what is virtual: what each acknowledgment looks at. The rest of that
  // stands at the end of http_ and the beginning of tls_.
  ByteSource* output_ = nullptr;
  Time next_progress_{};
  // Plaintext that waits because a whole response must leave first; bounded by what TCP's window
  // had let in.
  std::vector<std::uint8_t> waiting_;
  bool secured_ = false;  // tls_ is there
  bool handshake_begun_ = false;
  bool handshake_told_ = false;
  bool heard_ = false;          // the peer has said something
  bool peer_finished_ = false;  // FIN or close_notify
  bool offer_told_ = false;

  SnapshotPin snapshot_;
  BootServiceShared& shared_;
  Opening opening_;
  http::Session http_;
  std::optional<tls::Session> tls_;          // its plaintext is http_'s stream
  std::optional<HandshakePlace> handshake_;  // from its first step to its end
  Time waits_since_ = kNever;                // for us: a step is due, and its turn has not come
};

class BootServiceFactory {
 public:
  struct Setup {
    Reporter& reporter;
    const WallClock& wall;
    std::uint32_t handshakes_max = 1024;
    // Gives the room for services and ciphers, and outlives the factory.
    std::pmr::memory_resource* pages = std::pmr::get_default_resource();
  };
  explicit BootServiceFactory(const Setup& setup);

  void Listen(tcp::Host& host) const;
  // Null: nothing is served on this port now.
  std::unique_ptr<Application> Create(const Opening& opening, Time now);
  // In services and, where ipsec-mb seals, their ciphers; the rest they have is on the heap.
  std::size_t bytes_taken() const { return services_.bytes_taken() + sealer_->bytes_taken(); }
  // Another handshake may begin; otherwise it waits before the ServerHello.
  bool may_begin_handshake() const { return shared_.handshakes < shared_.handshakes_max; }

 private:
  std::unique_ptr<tls::Sealer> sealer_;
  http::InputBlocks requests_;
  Slab services_;
  BootServiceShared shared_;
};

}  // namespace slipway::dataplane
