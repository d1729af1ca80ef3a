// SPDX-License-Identifier: Apache-2.0
//
// Machine: all that is remembered of one of the farm's machines. A value without behaviour: what
// happens to it stands in farm_boot.cc (until it has an address and a next station) and farm_web.cc
// (from the SYN on). Large parts exist only while they are needed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/storm/dhcp_client.h"
#include "bench/storm/failure.h"
#include "bench/storm/firmware_receiver.h"
#include "bench/storm/library.h"
#include "bench/storm/record_reader.h"
#include "bench/storm/tls_client.h"
#include "bench/storm/web_text.h"
#include "bench/storm/workload.h"
#include "protocols/source/byte_source.h"
#include "protocols/tcp/four_tuple.h"

namespace slipway::storm {

// What a machine sends on one connection: a few hundred bytes at a time, kept until acknowledged.
class Output final : public ByteSource {
 public:
  std::uint64_t length() const override { return base_ + bytes.size(); }
  bool finished() const override { return false; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    static_cast<void>(Copy(Bytes(bytes).subspan(static_cast<std::size_t>(offset - base_)), out));
  }
  void Release(std::uint64_t offset) override {
    if (offset < length()) return;
    base_ = offset;
    bytes.clear();
  }
  void Restart() {
    base_ = 0;
    bytes.clear();
  }

  std::vector<std::uint8_t> bytes;

 private:
  std::uint64_t base_ = 0;
};

enum class Phase : std::uint8_t {
  kOff,
  kDiscover,   // waits for offers
  kRequest,    // waits for the ACK
  kNeighbour,  // waits for an ARP reply
  kName,       // waits for a DNS answer
  kConnect,    // waits for the SYN-ACK
  kHandshake,
  kHead,  // waits for the head of a response
  kBody,
  kClosing,  // waits for the server's FIN
  kFlood,
  kDone,
  kFailed,
};

struct Machine {
  std::uint32_t index = 0;
  std::uint16_t workload = 0;
  Mode mode = Mode::kBoot;
  Phase phase = Phase::kOff;
  bool verified = false;
  std::uint8_t tries = 0;
  const Personality* personality = nullptr;
  Identity identity;

  // The network, as DHCP or the options say.
  Ipv4Address address;
  Ipv4Address mask;
  Ipv4Address router;
  Ipv4Address name_server;
  Ipv4Address server;
  Ipv4Address neighbour;  // whose station is known or asked for
  MacAddress station;
  bool station_known = false;
  std::uint32_t xid = 0;
  std::unique_ptr<DhcpOffer> offer;

  // The connection.
  tcp::ConnectionId connection;
  std::uint16_t local_port = 0;
  Output output;
  std::unique_ptr<Handshake> handshake;
  std::vector<std::uint8_t> handshake_arrived;
  bool handshake_queued = false;
  std::unique_ptr<RecordReader> reader;
  tls::RecordKeys write_keys;

  // The exchange under way.
  std::unique_ptr<Url> url;
  std::uint32_t file_index = 0;
  bool head_request = false;
  bool length_known = false;  // by HEAD
  std::uint64_t length = 0;
  ResponseHead head;
  Library::File* file = nullptr;
  std::uint64_t range_first = 0;
  std::uint64_t body_offset = 0;  // in the file
  std::uint64_t body_left = 0;
  std::uint64_t slow_credit = 0;

  std::unique_ptr<FirmwareReceiver> receiver;

  // Its story.
  Time powered_at{};
  Time phase_since{};
  Time asked_at{};  // the request, or the step that is being timed
  Time heard_at{};
  Time served_from{};  // the first GET
  Time ended_at{};
  std::uint64_t body_bytes = 0;
  std::uint64_t body_bytes_at_mark = 0;
  Failure failure = Failure::kNone;

  // It has what it came for, even if its last connection is still being closed.
  bool has_booted() const { return ended_at != Time{} && failure == Failure::kNone; }
  bool is_over() const { return ended_at != Time{}; }
};

}  // namespace slipway::storm
