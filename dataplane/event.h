// SPDX-License-Identifier: Apache-2.0
//
// The seam from the dataplane to the control plane: what happened, leases to be made durable, and
// counters. All three are fixed-size values over rings (rte_ring) or a board; a worker never waits
// for the control plane. No DPDK type is named here, so that the control plane can include it.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "protocols/base/drop.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/strong.h"
#include "protocols/dhcp/lease.h"

namespace slipway::dataplane {

// Steps of a boot's story, in the order in which a machine takes them. X(Name, "words").
// The meaning of Event::number and Event::extra is given beside each. "facts" are words of the form
// name=number with a blank between, those of the transport: window, scale, sack, timestamps, rtt_us
// (smoothed), acked (bytes), timeouts, recoveries, closures (of the peer's window), closed_ms (how
// long it is closed now), because (what ended it: a Drop's name, or stalled, no-answer, unreachable
// (one of the two, or HttpStalled, and ICMP said why), silent, linger). Three name what the message
// says of the software that sent it: discover=DIGITS (protocols/dhcp/fingerprint.h; of boot
// clients, the last word), syn=FORM (protocols/tcp/syn_form.h), hello=DIGITS (tls/fingerprint.h).
#define SLIPWAY_EVENT_KINDS(X)                                                                     \
  X(DhcpDiscover, "asked for an address")     /* number: architecture, -1: none; extra: relay's    \
                                                 address, 0: none; text: vendor class, after       \
                                                 kIpxeMark where it says in user class that it is, \
                                                 and before discover=DIGITS */                     \
  X(DhcpOffer, "was offered an address")      /* number: DhcpOfferOf; text: boot URI */            \
  X(DhcpRequest, "requested an address")      /* as DhcpDiscover, without its last word */         \
  X(DhcpAck, "got its address")               /* number: lease seconds */                          \
  X(DhcpNak, "was refused an address")        /* text: reason */                                   \
  X(DhcpOther, "declined, released or asked") /* number: DHCP message type */                      \
  X(DhcpIgnored, "was not answered")          /* number: Drop; extra: the server that was chosen,  \
                                                 0: none; text: the drop's sentence. DhcpHeld:     \
                                                 extra: the first address of its network; text:    \
                                                 rule=NAME, "machine" for its own record, and      \
                                                 uuid=UUID where it told one */                    \
  X(DhcpConflict, "was to get an address that is in use") /* address: which; text: whose */        \
  X(ArpAsked, "asked where we are")                       /* text: which address of ours */        \
  X(DnsQuery, "asked for a name") /* number: query type; extra: response code; text: name */       \
  X(TcpOpened, "connected")       /* number: port; extra: peer's MSS; text: facts */               \
  X(TcpRefused, "came to a closed port")   /* number: port */                                      \
  X(TlsOffered, "offered TLS")             /* number: newest version; extra: how many suites;      \
                                              text: sni=NAME hello=DIGITS suites=HEX,HEX,...,      \
                                              as many as fit */                                    \
  X(TlsDone, "finished the TLS handshake") /* number: version; text: suite, group */               \
  X(TlsFailed, "failed the TLS handshake") /* number: alert sent, extra: received, -1: none */     \
  X(AdmissionWaits, "waits for its turn")  /* number: position; extra: expected ms, -1: unknown;   \
                                              text: where */                                       \
  X(AdmissionTurn, "has its turn")         /* number: milliseconds waited; text: where */          \
  X(HttpRequest, "requested a file")    /* number: status; extra: body bytes; text: method path */ \
  X(HttpProgress, "is downloading")     /* number: bytes acknowledged; extra: of */                \
  X(HttpComplete, "has the whole file") /* number: bytes; text: method path */                     \
  X(TcpClosed, "closed its connection") /* number: bytes acknowledged; extra: retransmissions;     \
                                           text: facts */                                          \
  X(TcpReset, "reset its connection")   /* number: bytes unacknowledged; extra: retransmissions;   \
                                           text: facts */                                          \
  X(TcpTimedOut, "stopped answering")   /* as TcpReset */                                          \
  X(ImageWanted, "asked for a file that is not loaded") /* text: path */                           \
  X(AddressConflict, "uses an address of ours")         /* address: which */                       \
  X(LinkChanged, "link changed") /* number: port index; extra: 1 up, 0 down */

enum class EventKind : std::uint8_t {
#define SLIPWAY_EVENT_ENUMERATOR(name, words) k##name,
  SLIPWAY_EVENT_KINDS(SLIPWAY_EVENT_ENUMERATOR)
#undef SLIPWAY_EVENT_ENUMERATOR
};

struct EventDescription {
  std::string_view name;   // CamelCase, as in the enum
  std::string_view words;  // what the machine did
};
inline constexpr EventDescription kEventDescriptions[] = {
#define SLIPWAY_EVENT_DESCRIPTION(name, words) {#name, words},
    SLIPWAY_EVENT_KINDS(SLIPWAY_EVENT_DESCRIPTION)
#undef SLIPWAY_EVENT_DESCRIPTION
};
constexpr const EventDescription& Describe(EventKind kind) {
  return kEventDescriptions[static_cast<std::size_t>(kind)];
}

// In front of the vendor class that an iPXE says.
inline constexpr std::string_view kIpxeMark = "iPXE ";

// What an OFFER held; number of DhcpOffer.
enum class DhcpOfferOf : std::uint8_t { kAddressAlone, kAddressAndBoot, kBootAlone };

// The text of TlsFailed where the connection ended in the middle of the handshake, without an
// alert. Firmware that does not trust our certificate does so after it.
inline constexpr std::string_view kEndedBeforeHello = "ended before it said anything of TLS";
inline constexpr std::string_view kEndedWaiting =
    "ended while its ClientHello waited to be answered";
inline constexpr std::string_view kEndedInSilence = "went silent after our certificate was sent";
inline constexpr std::string_view kEndedAfterCertificate = "ended after our certificate was sent";

// Fixed size, trivially copyable. Strings are cut, never overrun.
struct Event {
  static constexpr std::size_t kTextMax = 119;

  std::int64_t unix_nanoseconds = 0;
  std::int64_t number = 0;
  std::int64_t extra = 0;
  std::uint64_t connection = 0;  // the same for all events of one TCP connection; 0: none
  Ipv4Address address;           // the machine's, when it has one
  Port port;                     // the machine's, when there is a connection
  MacAddress mac;                // the station the frame came from; a router's for a routed machine
  std::uint8_t worker = 0;
  EventKind kind = EventKind::kDhcpDiscover;
  std::uint8_t text_size = 0;
  std::array<char, kTextMax> text_bytes{};

  std::string_view text() const { return {text_bytes.data(), text_size}; }
  void set_text(std::string_view text) {
    text_size = 0;
    add_text(text);
  }
  void add_text(std::string_view text) {
    text_size +=
        static_cast<std::uint8_t>(text.copy(text_bytes.data() + text_size, kTextMax - text_size));
  }
};

// Events of all workers. Push: each worker its own ring. Poll: one thread.
class EventQueue {
 public:
  // `capacity` events per worker, a power of two.
  EventQueue(unsigned workers, unsigned capacity);
  ~EventQueue();

  // False when the ring is full: stories may lose a step (Reporter counts it), boots do not wait.
  bool Push(unsigned worker, const Event& event);
  // Moves what is there to `out`; returns how many.
  std::size_t Poll(std::span<Event> out);

 private:
  struct Rings;
  std::unique_ptr<Rings> rings_;
};

// Lease changes on their way to the journal. One worker appends, one control thread takes and, when
// they are on disk, acknowledges. Sequence numbers begin at 1.
class LeaseChannel {
 public:
  struct Entry {
    std::uint64_t sequence = 0;
    dhcp::LeaseChange change;
  };

  explicit LeaseChannel(unsigned capacity);  // entries, a power of two
  ~LeaseChannel();

  // The sequence number to wait for, or 0 when the channel is full.
  std::uint64_t Append(const dhcp::LeaseChange& change);
  // Everything up to this sequence number is on disk.
  std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }

  std::size_t Take(std::span<Entry> out);
  void Acknowledge(std::uint64_t sequence) { durable_.store(sequence, std::memory_order_release); }

 private:
  struct Ring;
  std::unique_ptr<Ring> ring_;
  std::uint64_t appended_ = 0;
  std::atomic<std::uint64_t> durable_{0};
};

// The steps of Worker::RunOnce, and what each has done.
enum class Step : std::uint8_t { kReceive, kClassify, kDeliver, kExpire, kEmit, kSeal, kTransmit };
inline constexpr std::array<std::string_view, 7> kStepNames = {
    "receive", "classify", "deliver", "expire", "emit", "seal", "transmit"};

struct StepCounters {
  std::uint64_t in = 0;      // frames (connections for expire, segments for emit and seal)
  std::uint64_t out = 0;     // passed on; in == out + drops named in WorkerStatistics::drops
  std::uint64_t cycles = 0;  // TSC cycles of polls that found work
};

// How many bursts had 1, 2 to 3, 4 to 7, ... frames; the last bucket takes all that are larger.
struct BurstHistogram {
  static constexpr std::size_t kBuckets = 10;
  std::array<std::uint64_t, kBuckets> counts{};
  std::uint64_t frames = 0;  // in all of them

  void Add(std::size_t burst) {
    if (burst == 0) return;
    const auto bucket = static_cast<std::size_t>(std::bit_width(burst)) - 1;
    frames += burst;
    ++counts[bucket < kBuckets ? bucket : kBuckets - 1];
  }
};

// Machines of one worker, now and (totals) ever (admission.h).
struct AdmissionStatistics {
  std::uint64_t limit = 0;    // served at once; 0: admission is off
  std::uint64_t serving = 0;  // of those
  std::uint64_t waiting_at_offer = 0;
  std::uint64_t waiting_at_syn = 0;
  std::uint64_t waiting_at_server_hello = 0;
  std::int64_t expected_wait_ms = -1;  // of a machine that comes now; -1: unknown
  std::uint64_t admitted = 0;          // total
  std::uint64_t waited = 0;            // total, of the admitted
  std::uint64_t forced = 0;            // total, of those: before their turn, as patience ended
  std::uint64_t excused = 0;           // total: no longer counted, as they took too little
};

// What one worker has counted. It alone writes them; others see what it posted (StatisticsBoard).
struct WorkerStatistics {
  std::int64_t posted_nanoseconds = 0;  // when, by the worker's clock, which begins at its start
  DropCounters drops;
  std::array<StepCounters, kStepNames.size()> steps{};
  std::uint64_t busy_cycles = 0;  // TSC, polls that found work
  std::uint64_t idle_cycles = 0;  // TSC, polls that found none
  std::uint64_t polls = 0;
  std::uint64_t busy_polls = 0;
  // Sealing, which is part of Emit's cycles, measured in one round of 64 (stopwatch.h).
  std::uint64_t seal_sample_cycles = 0;
  std::uint64_t seal_sample_bytes = 0;
  std::uint64_t connections = 0;         // open now
  std::uint64_t connection_bytes = 0;    // in slabs, for those that are open
  std::uint64_t connections_opened = 0;  // ever
  std::uint64_t handshakes = 0;          // TLS, finished
  std::uint64_t handshakes_waiting = 0;  // for their next step, now
  std::uint64_t retransmissions = 0;     // segments
  std::uint64_t tcp_timeouts = 0;        // of connections that ended
  std::uint64_t tail_probes = 0;         // the same; RFC 8985 7
  std::uint64_t ecn_connections = 0;     // opened with explicit congestion notification
  std::uint64_t ecn_marks = 0;           // segments of text that came with a congestion mark
  std::uint64_t ecn_reductions = 0;      // windows reduced because a peer echoed a mark
  std::uint64_t payload_bytes = 0;       // bytes of TCP streams sent, first time and again
  std::uint64_t borrowed_bytes = 0;      // of them sent from image memory without a copy
  std::uint64_t sealed_bytes = 0;        // of them TLS records
  std::uint64_t frames_in_use = 0;       // of the worker's pool, now
  std::uint64_t pool_permille = 0;       // of the kind of buffer that is scarcest, in use now
  // Bursts of one port in one round, and the bytes of their frames (Ethernet header included, FCS
  // not). What other workers hand over is no burst here.
  BurstHistogram receive_bursts;
  BurstHistogram transmit_bursts;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;  // put into the outbox, to leave in turn
  // Frames that wait in the outboxes for room in the ports' rings.
  std::uint64_t outbox_frames = 0;       // now
  std::uint64_t outbox_peak = 0;         // at most, since the post before
  std::uint64_t outbox_limit = 0;        // where connections pause
  std::uint64_t transmit_ring_full = 0;  // times a port's ring took less than it was given
  std::uint64_t events_lost = 0;         // the event queue was full
  AdmissionStatistics admission;
};

// Where workers post their counters a few times a second and others read them.
class StatisticsBoard {
 public:
  explicit StatisticsBoard(unsigned workers) : workers_(workers) {}

  unsigned workers() const { return static_cast<unsigned>(workers_.size()); }
  // Skips the post, rather than wait, while a reader copies.
  void Post(unsigned worker, const WorkerStatistics& statistics);
  WorkerStatistics Read(unsigned worker) const;

 private:
  // On lines of its own: a worker that posts must not take a line from another that does.
  struct alignas(64) Slot {
    mutable std::mutex mutex;
    WorkerStatistics statistics;
  };
  std::vector<Slot> workers_;
};

}  // namespace slipway::dataplane
